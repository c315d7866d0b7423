//! Sequencing: runs come in by day, arrays of jobs read and write by night, scratch is cleaned.

use std::sync::Arc;

use super::agents::{self, open};
use super::calls::{Call, Session, Via, get, head, list, put, size};
use super::clock::{self, DAYS, at};
use super::dice::Dice;
use super::identities::{Origin, role, session, user};
use super::journal::Journal;
use super::networks;
use super::world::{FASTQ, LONG_READS, REFERENCE, RESEARCH, RESULTS, SCRATCH};

pub const ENDPOINT: &str = "vpce-0c1f7a92be44d8310";
pub const SEQUENCER: &str = "seq-novaseq-01";

/// The hospital's network gave the sequencer another address.
pub fn sequencer_address(day: i64) -> &'static str {
    if day < 24 { "193.174.88.40" } else { "193.174.88.44" }
}

/// One run of the sequencer.
struct Run {
    day: i64,
    id: String,
    samples: Vec<String>,
    long: bool,
}

const REFERENCES: [(&str, u64); 12] = [
    ("GRCh38/fasta/GRCh38.d1.vd1.fa", 3_249_912_778),
    ("GRCh38/fasta/GRCh38.d1.vd1.fa.fai", 158_204),
    ("GRCh38/bwa/GRCh38.d1.vd1.fa.bwt", 3_217_347_004),
    ("GRCh38/bwa/GRCh38.d1.vd1.fa.sa", 1_608_673_512),
    ("GRCh38/bwa/GRCh38.d1.vd1.fa.pac", 804_336_731),
    ("GRCh38/dbsnp/dbsnp_156.hg38.vcf.gz", 26_801_223_940),
    ("GRCh38/dbsnp/dbsnp_156.hg38.vcf.gz.tbi", 3_120_774),
    ("GRCh38/mills/Mills_1000G.indels.hg38.vcf.gz", 20_685_880),
    ("GRCh38/gnomad/af-only-gnomad.hg38.vcf.gz", 3_184_275_189),
    ("GRCh38/intervals/exome_v8.bed", 6_772_511),
    ("vep/112/homo_sapiens_merged_vep_112.tar.gz", 24_113_008_221),
    ("tools/multiqc_config.yaml", 4_118),
];

const STEPS: [&str; 3] = ["ALIGN", "DEDUP_RECAL", "CALL_ANNOTATE"];

pub fn log(journal: &mut Journal) {
    let mut dice = journal.dice("genomics");
    let mut scratch: Vec<String> = Vec::new();
    for day in 0..DAYS {
        let sequenced = clock::is_workday(day) && dice.chance(0.52);
        let again = !sequenced && dice.chance(0.22);
        if !sequenced && !again {
            continue;
        }
        let run = run(&mut dice, day, again);
        if sequenced {
            upload(journal, &mut dice, &run);
        }
        let cleaned = std::mem::take(&mut scratch);
        scratch = night(journal, &mut dice, &run, &cleaned);
    }
}

fn run(dice: &mut Dice, day: i64, again: bool) -> Run {
    let date = &clock::text(at(day, 12.0))[..10].replace('-', "")[2..];
    let id = format!("{date}_A01234_{:04}_BH{}DSXY", 412 + day, dice.upper(4));
    let numbers = 0..dice.between(9, if again { 14 } else { 30 });
    let samples = numbers.map(|n| format!("NLK26-{:04}-S{:03}", 1200 + day * 11 + n / 8, n + 1));
    let samples = samples.collect();
    Run { day, id, samples, long: day > 33 && dice.chance(0.5) }
}

fn fastq(run: &Run, sample: &str, read: u8) -> (String, u64) {
    let key = format!("runs/{}/{sample}_L00{read}_R{read}_001.fastq.gz", run.id);
    let size = size(&key, 11e9, 0.5);
    (key, size)
}

fn upload(journal: &mut Journal, dice: &mut Dice, run: &Run) {
    let address = sequencer_address(run.day);
    let uploader = open(user(RESEARCH, SEQUENCER), address, agents::SEQUENCER, Via::Internet);
    let mut now = at(run.day, dice.around(11.5, 0.2));
    journal.log(now, &uploader, list(&FASTQ, "runs/", 60));
    for sample in &run.samples {
        for read in [1, 2] {
            let (key, size) = fastq(run, sample, read);
            now = journal.upload(now + dice.between(1, 40), &uploader, &FASTQ, &key, size);
            if dice.chance(0.9) {
                journal.log(now + 1, &uploader, head(&FASTQ, key));
            }
        }
    }
    for name in ["RunInfo.xml", "SampleSheet.csv", "RunCompletionStatus.xml"] {
        let key = format!("runs/{}/{name}", run.id);
        let length = size(&key, 18_000.0, 0.6);
        journal.log(now + 5, &uploader, put(&FASTQ, key, length));
    }
}

/// The pipeline of a night: the head submits and polls, the jobs work. Gives what it left behind.
fn night(journal: &mut Journal, dice: &mut Dice, run: &Run, cleaned: &[String]) -> Vec<String> {
    let begin = at(run.day, dice.around(21.6, 0.04));
    let host = format!("i-0{}", dice.hex(16));
    let role_of_head = role(RESEARCH, "nlk-nextflow-head");
    let who = session(dice, role_of_head, &host, begin - 400, Origin::Instance);
    let place = networks::private(dice, 40);
    let conductor = open(who, &place, agents::NEXTFLOW, Via::Endpoint(ENDPOINT));
    journal.log(begin, &conductor, list(&FASTQ, &format!("runs/{}/", run.id), 70));
    journal.log(begin + 2, &conductor, list(&SCRATCH, "work/", 1000));
    let mut left = Vec::new();
    for (number, sample) in (0..).zip(&run.samples) {
        let start = begin + 240 + number * dice.between(20, 160);
        left.extend(sample_jobs(journal, dice, run, sample, start, &conductor));
    }
    let end = begin + dice.between(4, 7) * clock::HOUR;
    report(journal, dice, run, end, &conductor);
    journal.delete_many(end + 600, &conductor, &SCRATCH, cleaned);
    left
}

fn report(journal: &mut Journal, dice: &mut Dice, run: &Run, end: i64, conductor: &Arc<Session>) {
    for name in ["multiqc_report.html", "multiqc_data.json", "pipeline_trace.txt", "timeline.html"]
    {
        let key = format!("runs/{}/qc/{name}", run.id);
        let length = size(&key, 3e6, 0.8);
        journal.log(end + dice.between(0, 90), conductor, put(&RESULTS, key, length));
    }
    journal.log(end + 95, conductor, list(&RESULTS, &format!("runs/{}/", run.id), 90));
}

fn sample_jobs(
    journal: &mut Journal,
    dice: &mut Dice,
    run: &Run,
    sample: &str,
    start: i64,
    conductor: &Arc<Session>,
) -> Vec<String> {
    let mut left = Vec::new();
    let mut now = start;
    let mut before: Option<(String, u64)> = None;
    for step in STEPS {
        let task = dice.hex(32);
        let who = session(dice, role(RESEARCH, "nlk-batch-job"), &task, now, Origin::Plain);
        let place = networks::private(dice, 40);
        let job = open(who, &place, agents::BATCH, Via::Endpoint(ENDPOINT));
        let work = format!("work/{}/{}", dice.hex(2), dice.hex(30));
        for file in [".command.run", ".command.sh"] {
            let key = format!("{work}/{file}");
            let length = size(&key, 9_000.0, 0.4);
            journal.log(now, conductor, put(&SCRATCH, key.clone(), length));
            journal.log(now + 45, &job, get(&SCRATCH, key.clone(), length));
            left.push(key);
        }
        let staged = now + 60;
        match &before {
            None => stage(journal, dice, run, sample, staged, &job),
            Some((key, size)) => journal.log(staged, &job, get(&SCRATCH, key.clone(), *size)),
        }
        references(journal, dice, staged + 20, &job);
        let output = format!("{work}/{sample}.{}.bam", step.to_lowercase());
        let length = size(&output, 6e9, 0.5);
        let worked = staged + dice.around(2_100.0, 0.4) as i64;
        poll(journal, dice, conductor, &work, now, worked);
        now = journal.upload(worked, &job, &SCRATCH, &output, length) + 5;
        for file in [".command.log", ".command.out", ".exitcode"] {
            let key = format!("{work}/{file}");
            journal.log(now, &job, put(&SCRATCH, key.clone(), size(&key, 2_000.0, 1.2)));
            left.push(key);
        }
        left.push(output.clone());
        before = Some((output, length));
        now += dice.between(20, 70);
        if step == STEPS[2] {
            publish(journal, run, sample, now, &job);
        }
    }
    left
}

/// The head looks for the exit code until it is there.
fn poll(
    journal: &mut Journal,
    dice: &mut Dice,
    conductor: &Arc<Session>,
    work: &str,
    from: i64,
    until: i64,
) {
    let key = format!("{work}/.exitcode");
    for _ in 0..dice.between(1, 3) {
        let call = head(&SCRATCH, key.clone()).fails("NoSuchKey");
        journal.log(dice.between(from, until), conductor, call);
    }
    journal.log(until + 90, conductor, get(&SCRATCH, key, 1));
}

/// The reads come in ranges of gigabytes.
fn stage(
    journal: &mut Journal,
    dice: &mut Dice,
    run: &Run,
    sample: &str,
    time: i64,
    job: &Arc<Session>,
) {
    for read in [1, 2] {
        let (key, size) = fastq(run, sample, read);
        journal.log(time, job, head(&FASTQ, key.clone()));
        let ranges = dice.between(3, 5);
        for number in 0..ranges {
            let call = get(&FASTQ, key.clone(), size / ranges as u64);
            let call = if dice.chance(0.004) { call.fails("SlowDown") } else { call };
            journal.log(time + 8 + number * 11, job, call);
        }
    }
}

fn references(journal: &mut Journal, dice: &mut Dice, time: i64, job: &Arc<Session>) {
    for (key, size) in REFERENCES {
        if dice.chance(0.55) {
            let call = get(&REFERENCE, key, size);
            let call = if dice.chance(0.02) { call.fails("NotModified") } else { call };
            journal.log(time + dice.between(0, 40), job, call);
        }
    }
}

fn publish(journal: &mut Journal, run: &Run, sample: &str, time: i64, job: &Arc<Session>) {
    for (name, median) in [
        ("vcf.gz", 4.2e8),
        ("vcf.gz.tbi", 1.9e6),
        ("maf", 3.1e7),
        ("metrics.txt", 2.2e4),
        ("vep.html", 6e5),
    ] {
        let key = format!("runs/{}/{sample}/{sample}.{name}", run.id);
        let length = size(&key, median, 0.5);
        journal.log(time, job, put(&RESULTS, key, length));
    }
    if run.long {
        let key = format!("runs/{}/{sample}.hifi.cram", run.id);
        let call = Call::new("PutObject", &LONG_READS, key).receives(3_800_000_000);
        journal.log(time + 30, job, call);
    }
}
