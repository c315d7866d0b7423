//! Logs to event files: everything that is read, by partition and time, and each object once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::Serialize;

use super::accounting::Account;
use super::consumer::Consumer;
use super::events_out::add;
use super::output;
use super::pass::{Inputs, Pass, Passed};
use super::processed::Processed;
use super::read_options::ReadOptions;
use super::run::Span;
use super::scan::Progress;
use super::stats::{Stage, Stages};
use super::tables::Spill;
use crate::error::Result;
use crate::event_files::{EventFolder, Sorted, Sorter, Written};
use crate::events::{EventBatch, Fields};
use crate::findings::timestamp_text;
use crate::source::Order;
use crate::store::{self, Location};

/// What to convert and how.
#[derive(Debug, Clone)]
pub struct ConvertOptions {
    /// What to read.
    pub read: ReadOptions,
    /// The folder of events.
    pub out: PathBuf,
}

/// A finished conversion.
#[derive(Debug)]
pub struct Converted {
    /// Objects and records.
    pub account: Account,
    /// What was written.
    pub written: Written,
    /// The events' times.
    pub span: Option<Span>,
    /// Whether the user stopped it before everything was read: nothing was added.
    pub interrupted: bool,
    /// Plain words that the user should read.
    pub notes: Vec<String>,
    /// What each stage cost.
    pub stages: Stages,
    /// The folder of events.
    pub out: PathBuf,
}

/// Converts what is new at the inputs.
///
/// # Errors
/// Whatever keeps the run from starting or going on; bad input does not.
pub fn convert(
    options: &ConvertOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Converted> {
    // By day, so that few files of a partition wait to be merged.
    let read =
        ReadOptions { order: options.read.order.or(Some(Order::Oldest)), ..options.read.clone() };
    let out = Location::Local(options.out.clone());
    let (inputs, listing) = Inputs::find(&read, vec![&out])?;
    let folder = EventFolder::open(&options.out)?;
    let own = folder.own();
    let processed = Processed { ledger: folder.ledger(), needed_by: "convert" };
    let pass = Pass {
        options: &read,
        fields: &Fields::default(),
        texts: true,
        intel: &Arc::default(),
        once: false,
        processed: Some(&processed),
        events: None,
        session: None,
        spill: Spill::into(&own),
        interim: None,
        progress,
        interrupt,
    };
    let budget = 3 * read.eighth() / read.threads.max(1);
    let converting = || Converting(Sorter::new(budget, &own));
    let (passed, parts) = pass.run(&inputs, listing, converting)?.split();
    let mut sorted = Sorted::default();
    for part in parts {
        sorted.add(part);
    }
    let Passed { account, identities, span, notes, mut stages, cut, .. } = passed;
    let started = Instant::now();
    // Of an archive that was not read to its end nobody would know which members are there.
    let written = if cut {
        Written::default()
    } else {
        add(folder, &sorted, &account, &identities, read.threads)?
    };
    stages.record(Stage::Write, started.elapsed());
    let (interrupted, out) = (cut, options.out.clone());
    let converted = Converted { account, written, span, interrupted, notes, stages, out };
    converted.write(&own)?;
    Ok(converted)
}

/// Takes events apart by partition.
struct Converting(Sorter);

impl Consumer for Converting {
    type Yield = Sorted;

    fn take(&mut self, batch: &EventBatch) -> Result<()> {
        self.0.push(batch, &|_| true)
    }

    fn finish(self) -> Result<Sorted> {
        Ok(self.0.finish())
    }
}

impl Converted {
    /// Writes the accounting.
    fn write(&self, own: &Path) -> Result<()> {
        #[derive(Serialize)]
        struct Run<'r> {
            trailsift: &'static str,
            interrupted: bool,
            objects: super::Objects,
            records: super::Records,
            balances: bool,
            first_event: Option<String>,
            last_event: Option<String>,
            written: Written,
            notes: &'r [String],
        }
        output::write_account(own, &self.account)?;
        let run = Run {
            trailsift: env!("CARGO_PKG_VERSION"),
            interrupted: self.interrupted,
            objects: self.account.objects(),
            records: self.account.records(),
            balances: self.account.balances(),
            first_event: self.span.map(|span| timestamp_text(span.first)),
            last_event: self.span.map(|span| timestamp_text(span.last)),
            written: self.written,
            notes: &self.notes,
        };
        store::replace(&own.join(output::RUN), |file| Ok(serde_json::to_writer_pretty(file, &run)?))
    }
}
