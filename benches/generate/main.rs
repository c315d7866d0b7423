//! `cargo run --release --example generate -- --out DIR …`: the generator by hand.

#[path = "mod.rs"]
mod generate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use generate::{Config, Shape};
use jiff::civil::Date;

/// Generates CloudTrail logs of S3: benign traffic with attacks hidden in it.
#[derive(Parser)]
struct Options {
    /// Folder that gets AWSLogs/…
    #[arg(long)]
    out: PathBuf,
    /// Equal seeds and options give equal dumps
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Benign events
    #[arg(long, default_value_t = 10_000)]
    events: u64,
    /// Length of the span in days
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// First day (UTC)
    #[arg(long, default_value = "2025-06-02")]
    start: Date,
    /// Events per object: 5,000, six hours' worth, or a median of 20
    #[arg(long, value_enum, default_value_t = ShapeName::Large)]
    shape: ShapeName,
    /// Number of accounts
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=500))]
    accounts: u16,
    /// all, none, or names with commas between them
    #[arg(long, default_value = "all", value_delimiter = ',')]
    attacks: Vec<String>,
    /// Add deployments, new staff and travellers to the benign traffic
    #[arg(long)]
    churn: bool,
    /// Write .json instead of .json.gz
    #[arg(long)]
    plain: bool,
    /// Compression level
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=9))]
    level: u32,
    /// Write the ground truth to this CSV file
    #[arg(long)]
    truth: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ShapeName {
    Large,
    Medium,
    Small,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            #[allow(clippy::print_stderr, reason = "a program of its own, without a report")]
            {
                eprintln!("generate: {message}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), String> {
    let config = Config {
        attacks: attack_names(&options.attacks)?,
        out: options.out,
        seed: options.seed,
        events: options.events,
        days: options.days,
        start: options.start,
        shape: match options.shape {
            ShapeName::Large => Shape::Large,
            ShapeName::Medium => Shape::Medium,
            ShapeName::Small => Shape::Small,
        },
        accounts: usize::from(options.accounts),
        churn: options.churn,
        plain: options.plain,
        level: options.level,
    };
    let truth = generate::generate(&config)
        .map_err(|error| format!("{}: {error}", config.out.display()))?;
    if let Some(path) = options.truth {
        generate::write_truth(&path, &truth)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn attack_names(wanted: &[String]) -> Result<Vec<String>, String> {
    match wanted {
        [one] if one == "all" => Ok(generate::names().map(str::to_owned).collect()),
        [one] if one == "none" => Ok(Vec::new()),
        list => {
            for name in list {
                if !generate::names().any(|known| known == name) {
                    return Err(format!("no such attack: `{name}`"));
                }
            }
            Ok(list.to_vec())
        }
    }
}
