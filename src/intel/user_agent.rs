//! Which program a user agent is.

use std::borrow::Cow;

/// What identifies programs: a family, and words of which one stands in the text, in any case. The
/// first family that fits counts: attack tools and systems before the SDK that they use, programs
/// before SDKs, SDKs before what they are built on.
const FAMILIES: &[(&str, &[&str])] = &[
    ("kali", &["kali"]),
    ("parrot", &["parrot"]),
    ("pentoo", &["pentoo"]),
    ("pacu", &["pacu"]),
    ("s3scanner", &["s3scanner"]),
    ("trufflehog", &["trufflehog"]),
    ("stratus-red-team", &["stratus-red-team"]),
    ("console", &["s3console", "console.amazonaws.com", "signin.amazonaws.com"]),
    ("cloudformation", &["cloudformation"]),
    ("terraform", &["terraform", "opentofu"]),
    ("rclone", &["rclone"]),
    ("s5cmd", &["s5cmd"]),
    ("s3cmd", &["s3cmd"]),
    ("s3browser", &["s3 browser", "s3browser"]),
    ("cyberduck", &["cyberduck"]),
    ("winscp", &["winscp"]),
    ("msp360", &["msp360", "cloudberry"]),
    ("minio", &["minio", "minio-go"]),
    ("s3fs", &["s3fs"]),
    ("hadoop", &["hadoop"]),
    ("aws-cli", &["aws-cli"]),
    ("boto3", &["boto3"]),
    ("botocore", &["botocore", "boto"]),
    ("aws-sdk-java", &["aws-sdk-java"]),
    ("aws-sdk-go", &["aws-sdk-go"]),
    ("aws-sdk-js", &["aws-sdk-js", "aws-sdk-nodejs"]),
    ("aws-sdk-rust", &["aws-sdk-rust"]),
    ("aws-sdk-dotnet", &["aws-sdk-dotnet"]),
    ("aws-sdk-php", &["aws-sdk-php"]),
    ("aws-sdk-ruby", &["aws-sdk-ruby"]),
    ("aws-sdk-cpp", &["aws-sdk-cpp"]),
    ("aws-sdk-kotlin", &["aws-sdk-kotlin"]),
    ("aws-sdk-swift", &["aws-sdk-swift"]),
    ("aws-internal", &["aws-internal", "aws internal"]),
    ("curl", &["curl"]),
    ("wget", &["wget"]),
    ("python-requests", &["python-requests"]),
    ("go-http-client", &["go-http-client"]),
    ("browser", &["mozilla", "opera"]),
];

/// Any program that is not in the table.
const OTHER: &str = "other";

/// How names of AWS services end.
const SERVICE: &str = ".amazonaws.com";

/// The program behind a user agent: one of a fixed list of families, the name of an AWS service, or
/// `other`. S3 puts user agents between square brackets, which do not matter.
#[must_use]
pub fn user_agent_family(agent: &str) -> Cow<'static, str> {
    let agent = agent.trim();
    let inner = agent.strip_prefix('[').and_then(|agent| agent.strip_suffix(']'));
    let agent = inner.unwrap_or(agent).to_ascii_lowercase();
    let fits = |words: &[&str]| words.iter().any(|word| has_word(&agent, word));
    if let Some((family, _)) = FAMILIES.iter().find(|(_, words)| fits(words)) {
        return Cow::Borrowed(family);
    }
    if is_service(&agent) { Cow::Owned(agent) } else { Cow::Borrowed(OTHER) }
}

/// Whether `text` is the name of an AWS service, such as `athena.amazonaws.com`.
#[must_use]
pub(crate) fn is_service(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    text.len() <= 128
        && text
            .strip_suffix(SERVICE)
            .is_some_and(|name| !name.is_empty() && name.chars().all(is_name))
}

/// Whether `word` stands in `text` with no letter before or behind it.
fn has_word(text: &str, word: &str) -> bool {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    let bytes = text.as_bytes();
    text.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !is_letter(before) && !is_letter(bytes.get(at + word.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_told() {
        for (agent, family) in [
            ("[aws-cli/1.18.136 Python/3.8.5 Darwin/19.5.0 botocore/1.17.59]", "aws-cli"),
            ("[Boto3/1.26.165 Python/3.10.6 Linux/5.19.0-46-generic Botocore/1.29.165]", "boto3"),
            ("Botocore/1.29.165", "botocore"),
            ("Boto3/1.34 md/Botocore#1.34 ua/2.0 os/linux#6.6.9-amd64 md/arch#x86_64", "boto3"),
            ("aws-cli/2.15.0 Python/3.11.6 Linux/6.5.0-kali3-amd64 exe/x86_64", "kali"),
            ("Boto3/1.9.89 Python/3.6.8 Linux/4.19.0-parrot1-13t-amd64", "parrot"),
            ("aws-cli/1.16 Linux/5.10.7-pentoo", "pentoo"),
            ("Kalibrate/1.0", "other"),
            ("myparrots/2", "other"),
            ("[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.848 Linux/4.9]", "console"),
            ("signin.amazonaws.com", "console"),
            ("console.amazonaws.com", "console"),
            ("AWS Internal", "aws-internal"),
            ("aws-internal/3 aws-sdk-java/1.12", "aws-sdk-java"),
            ("aws-sdk-go-v2/1.24.1 os/linux lang/go#1.21", "aws-sdk-go"),
            ("aws-sdk-nodejs/2.1000 linux/v16", "aws-sdk-js"),
            ("aws-sdk-dotnet-coreclr/3.7", "aws-sdk-dotnet"),
            ("aws-sdk-ruby3/3.1", "aws-sdk-ruby"),
            ("APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io)", "terraform"),
            ("cloudformation.amazonaws.com", "cloudformation"),
            ("[S3 Browser/11.6.7 (https://s3browser.com)]", "s3browser"),
            ("Cyberduck/8.6.0.39818 (Mac OS X/12.6)", "cyberduck"),
            ("[rclone/v1.66.0]", "rclone"),
            ("TruffleHog", "trufflehog"),
            ("stratus-red-team_83a9d1f9", "stratus-red-team"),
            ("curl/8.4.0", "curl"),
            ("aws-sdk-cpp/1.11 libcurl/8.1", "aws-sdk-cpp"),
            ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "browser"),
            ("athena.amazonaws.com", "athena.amazonaws.com"),
            ("Go-http-client/1.1", "go-http-client"),
            ("", "other"),
            ("[]", "other"),
            ("a .amazonaws.com", "other"),
        ] {
            assert_eq!(user_agent_family(agent), family, "{agent}");
        }
    }

    #[test]
    fn every_row_of_the_table_can_be_reached() {
        for (family, words) in FAMILIES {
            for word in *words {
                assert_eq!(user_agent_family(&format!("[{word}/1.0]")), *family, "{word}");
            }
        }
    }
}
