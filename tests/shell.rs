//! What a shell gets: completions that a real bash sources, and manual pages that man renders.

#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test, and it says when it is skipped"
)]

use std::process::{Command, Output};

fn trailsift(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailsift")).args(arguments).output().unwrap()
}

/// Whether a program is there; the test fails in CI if it is not.
fn is_there(program: &str) -> bool {
    if Command::new(program).arg("--version").output().is_ok() {
        return true;
    }
    assert!(std::env::var_os("TRAILSIFT_CI").is_none(), "`{program}` is missing");
    eprintln!("SKIPPED: `{program}` is not installed");
    false
}

#[test]
fn bash_completes_commands_and_options() {
    if !is_there("bash") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("trailsift.bash");
    std::fs::write(&script, trailsift(&["completions", "bash"]).stdout).unwrap();
    let completed = |words: &[&str]| {
        let last = words.len() - 1;
        let asked = format!(
            "source '{}'; COMP_WORDS=({}); COMP_CWORD={last}; \
             _trailsift trailsift '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display(),
            words.join(" "),
            words[last],
            words[last - 1],
        );
        let ran = Command::new("bash").args(["--norc", "-c", &asked]).output().unwrap();
        assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
    };
    let all: Vec<String> = completed(&["trailsift", "sca"]);
    assert_eq!(all, ["scan"]);
    let all: Vec<String> = completed(&["trailsift", "scan", "--interi"]);
    assert_eq!(all, ["--interim"]);
    let all: Vec<String> = completed(&["trailsift", "scan", "--format", "times"]);
    assert_eq!(all, ["timesketch"]);
}

#[test]
fn every_shell_gets_something() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = trailsift(&["completions", shell]);
        assert!(ran.status.success() && ran.stdout.len() > 1_000, "{shell}: {ran:?}");
    }
    let ran = trailsift(&["completions", "tcsh"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("bash"), "{ran:?}");
}

#[test]
fn each_command_has_a_page_that_man_renders() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    let ran = trailsift(&["man", pages.to_str().unwrap()]);
    assert!(ran.status.success(), "{ran:?}");
    let mut names: Vec<String> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in
        ["trailsift.1", "trailsift-scan.1", "trailsift-explain.1", "trailsift-detectors-show.1"]
    {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    if !is_there("groff") {
        return;
    }
    for name in &names {
        let page = pages.join(name);
        let ran = Command::new("groff")
            .args(["-man", "-Tutf8", "-wall", "-b"])
            .arg(&page)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && text.len() > 500, "{name}: {ran:?}");
        assert!(!String::from_utf8_lossy(&ran.stderr).contains("error"), "{name}: {ran:?}");
    }
}

/// What a mistake is answered with.
#[test]
fn mistakes_are_answered_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::create_dir(at("wrong")).unwrap();
    std::fs::write(at("wrong/notes.txt"), "no log").unwrap();
    std::fs::write(at("file"), "{}").unwrap();
    let out = at("out");
    let cases: [(&[&str], i32, &str); 8] = [
        (&["scan"], 2, "<INPUT>"),
        (&["scan", &at("empty"), "--out", &out], 2, "AWSLogs"),
        (&["scan", &at("nowhere"), "--out", &out], 2, "no such file or folder"),
        (&["scan", &at("wrong"), "--out", &out], 0, "--dry-run=objects"),
        (&["scan", &at("wrong"), "--out", &at("file")], 2, "is a file: results need a folder"),
        (&["scna", &out], 2, "'scan'"),
        (&["scan", "x", "--bukcet", "b"], 2, "'--bucket'"),
        (&["explain", &at("wrong"), "abc"], 2, "give the output folder of a scan"),
    ];
    for (arguments, status, said) in cases {
        let ran = trailsift(arguments);
        let text = [ran.stdout, ran.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(ran.status.code(), Some(status), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert!(!text.contains("not judged"), "{arguments:?}: {text}");
    }
}
