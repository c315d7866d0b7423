//! The arguments that bound what hostile or broken input can take.

use bytesize::ByteSize;
use clap::Args;

use crate::decode::Limits;
use crate::pipeline::ArchiveLimits;

/// Bounds that keep hostile or broken input from eating the machine. What goes beyond is rejected
/// and counted; the run goes on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Bounds on hostile input")]
#[allow(clippy::struct_field_names, reason = "the flags are named so")]
pub(super) struct Bounds {
    /// The most that one object may inflate to
    #[arg(long, value_name = "SIZE", default_value = "256GiB")]
    max_inflated: ByteSize,
    /// How many times its stored size an object may inflate to (beyond 64 MiB)
    #[arg(long, value_name = "N", default_value_t = Limits::default().ratio)]
    max_ratio: u64,
    /// The longest record
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = record_size)]
    max_record: usize,
    /// The most levels of nesting in a record
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    max_depth: u16,
    /// The most members that are read of one archive
    #[arg(long, value_name = "N", default_value_t = ArchiveLimits::default().members)]
    max_members: u64,
    /// How many archives within each other are opened
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=8))]
    max_archive_depth: u32,
}

impl Bounds {
    /// The bounds of an object and its records.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            inflated_bytes: self.max_inflated.as_u64(),
            ratio: self.max_ratio,
            record_bytes: self.max_record,
            depth: usize::from(self.max_depth),
            ..Limits::default()
        }
    }

    /// The bounds of archives.
    pub(super) fn archives(&self) -> ArchiveLimits {
        ArchiveLimits { members: self.max_members, depth: self.max_archive_depth }
    }
}

/// The size of a record: a window over the input must hold it twice.
fn record_size(text: &str) -> Result<usize, String> {
    let size = text.parse::<ByteSize>()?.as_u64();
    let in_range = (1..=1 << 30).contains(&size);
    usize::try_from(size)
        .ok()
        .filter(|_| in_range)
        .ok_or_else(|| "a record may have from 1 byte to 1 GiB".to_owned())
}
