//! From records to log objects on disk.
//!
//! In: records as text, each with its lane (account and region) and time. Out:
//! `AWSLogs/<account>/CloudTrail/<region>/YYYY/MM/DD/<name>.json.gz`. A lane holds
//! at most one open object; finished objects are compressed and written by worker
//! threads. All random choices are made on the calling thread, so the output does
//! not depend on the workers' number or order.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use fastrand::Rng;
use flate2::{Compression, GzBuilder};

use super::text;
use super::world::REGIONS;
use super::{Config, Shape};

/// Length of the delivery rhythm in seconds.
const SLOT: i64 = 300;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The records of one object while it is being collected.
#[derive(Default)]
struct Body {
    text: String,
    /// Where each record starts and ends.
    spans: Vec<(usize, usize)>,
}

/// An object ready to be written.
struct Job {
    path: PathBuf,
    body: Body,
}

/// An account's region, and its open object.
struct Lane {
    account: String,
    region: &'static str,
    body: Body,
    opened: i64,
    newest: i64,
    target: usize,
    folder: PathBuf,
}

/// Collects records and writes objects.
pub(crate) struct Files {
    root: PathBuf,
    shape: Shape,
    plain: bool,
    rng: Rng,
    lanes: Vec<Lane>,
    jobs: Option<SyncSender<Job>>,
    /// Buffers that the workers are done with.
    spare: Receiver<Body>,
    workers: Vec<JoinHandle<io::Result<()>>>,
}

impl Files {
    /// Starts the workers.
    pub(crate) fn new(config: &Config, accounts: &[String]) -> Self {
        let (jobs, queue) = sync_channel(4);
        let (give_back, spare) = sync_channel(4);
        let queue = Arc::new(Mutex::new(queue));
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let level = (!config.plain).then(|| Compression::new(config.level));
        let workers = (0..workers)
            .map(|_| {
                let (queue, give_back) = (Arc::clone(&queue), give_back.clone());
                thread::spawn(move || work(&queue, &give_back, level))
            })
            .collect();
        let mut rng = Rng::with_seed(text::mix(config.seed, 11));
        let lanes = accounts
            .iter()
            .flat_map(|account| REGIONS.map(|region| (account.clone(), region)))
            .map(|(account, region)| Lane {
                account,
                region,
                body: Body::default(),
                opened: 0,
                newest: 0,
                target: config.shape.target(&mut rng),
                folder: PathBuf::new(),
            })
            .collect();
        Self {
            root: config.out.clone(),
            shape: config.shape,
            plain: config.plain,
            rng,
            lanes,
            jobs: Some(jobs),
            spare,
            workers,
        }
    }

    /// Adds one record, as text.
    pub(crate) fn add(&mut self, lane: usize, time: i64, record: &str) -> io::Result<()> {
        let open = &mut self.lanes[lane];
        let start = open.body.text.len();
        open.body.text.push_str(record);
        if open.body.spans.is_empty() {
            open.opened = time;
            open.newest = time;
        }
        open.newest = open.newest.max(time);
        open.body.spans.push((start, open.body.text.len()));
        if open.body.spans.len() >= open.target {
            self.close(lane)?;
        }
        Ok(())
    }

    /// Tells the time: objects that have been open for long are delivered.
    pub(crate) fn tick(&mut self, now: i64) -> io::Result<()> {
        for lane in 0..self.lanes.len() {
            let open = &self.lanes[lane];
            if !open.body.spans.is_empty() && now - open.opened >= self.shape.patience() {
                self.close(lane)?;
            }
        }
        Ok(())
    }

    /// Delivers what is open and waits for the workers.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        for lane in 0..self.lanes.len() {
            if !self.lanes[lane].body.spans.is_empty() {
                self.close(lane)?;
            }
        }
        self.join()
    }

    fn close(&mut self, lane: usize) -> io::Result<()> {
        let fresh = self.spare.try_recv().unwrap_or_default();
        let open = &mut self.lanes[lane];
        let mut body = std::mem::replace(&mut open.body, fresh);
        open.target = self.shape.target(&mut self.rng);
        // AWS promises no order inside a file; neighbours change places.
        for n in 1..body.spans.len() {
            let back = self.rng.usize(..=n.min(6));
            body.spans.swap(n, n - back);
        }
        let stamp = (open.newest.div_euclid(SLOT) + 1 + self.rng.i64(0..2)) * SLOT;
        let mut name = String::new();
        object_name(&mut name, &open.account, open.region, stamp, &mut self.rng);
        name.push_str(if self.plain { ".json" } else { ".json.gz" });
        let path = self.root.join("AWSLogs").join(name);
        let folder = path.parent().unwrap_or(&self.root);
        if folder != open.folder {
            fs::create_dir_all(folder)?;
            folder.clone_into(&mut open.folder);
        }
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(Job { path, body }));
        match sent {
            Some(Ok(())) => Ok(()),
            // The workers stopped early; the reason is theirs to tell.
            _ => self.join(),
        }
    }

    fn join(&mut self) -> io::Result<()> {
        drop(self.jobs.take());
        for worker in self.workers.drain(..) {
            match worker.join() {
                Ok(result) => result?,
                Err(_) => return Err(io::Error::other("a writer thread panicked")),
            }
        }
        Ok(())
    }
}

impl Shape {
    /// How many records the next object gets.
    fn target(self, rng: &mut Rng) -> usize {
        match self {
            Self::Large | Self::Medium => 5_000,
            // Median 20, at most some three hundred, as in recorded dumps.
            Self::Small => rng.usize(1..=3) * (80 >> rng.u32(..=6)).max(1),
        }
    }

    /// How many seconds an object may stay open.
    fn patience(self) -> i64 {
        match self {
            Self::Large => 86_400,
            Self::Medium => 6 * 3600,
            Self::Small => 1800,
        }
    }
}

/// Appends `<account>/CloudTrail/<region>/YYYY/MM/DD/<account>_CloudTrail_…` without the ending.
pub(crate) fn object_name(out: &mut String, account: &str, region: &str, time: i64, rng: &mut Rng) {
    let (year, month, day) = text::civil(time.div_euclid(86_400));
    let minute = time.rem_euclid(86_400).unsigned_abs() / 60;
    out.push_str(account);
    out.push_str("/CloudTrail/");
    out.push_str(region);
    for (part, width) in [(year, 4), (month, 2), (day, 2)] {
        out.push('/');
        text::padded(out, part, width);
    }
    out.push('/');
    out.push_str(account);
    out.push_str("_CloudTrail_");
    out.push_str(region);
    out.push('_');
    for (part, width) in [(year, 4), (month, 2), (day, 2)] {
        text::padded(out, part, width);
    }
    out.push('T');
    text::padded(out, minute / 60, 2);
    text::padded(out, minute % 60, 2);
    out.push_str("Z_");
    for _ in 0..16 {
        out.push(char::from(LETTERS[rng.usize(..LETTERS.len())]));
    }
}

fn work(
    queue: &Mutex<Receiver<Job>>,
    give_back: &SyncSender<Body>,
    level: Option<Compression>,
) -> io::Result<()> {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { path, mut body }) = next else {
            return Ok(());
        };
        write_object(&path, &body, level)?;
        body.text.clear();
        body.spans.clear();
        // A full pool only means that this buffer is not needed again.
        let _ = give_back.try_send(body);
    }
}

fn write_object(path: &Path, body: &Body, level: Option<Compression>) -> io::Result<()> {
    let file = BufWriter::with_capacity(1 << 16, fs::File::create(path)?);
    let mut file = match level {
        None => write_records(file, body)?,
        Some(level) => {
            // No name and no time in the header, so that equal records give equal bytes.
            let packer = GzBuilder::new().mtime(0).operating_system(0).write(file, level);
            write_records(packer, body)?.finish()?
        }
    };
    file.flush()
}

fn write_records<W: Write>(mut to: W, body: &Body) -> io::Result<W> {
    to.write_all(b"{\"Records\":[")?;
    for (n, (start, end)) in body.spans.iter().enumerate() {
        if n > 0 {
            to.write_all(b",")?;
        }
        to.write_all(&body.text.as_bytes()[*start..*end])?;
    }
    to.write_all(b"]}")?;
    Ok(to)
}
