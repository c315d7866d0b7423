//! What happens once: migrations, the end of a quarter; and the laboratory, an account by itself.

use super::agents::{self, by_service, open};
use super::calls::{Call, Via, get, head, list, list_buckets, put, size};
use super::clock::{self, DAYS, QUARTER, at};
use super::identities::{Origin, foreign, role, session, sso};
use super::journal::Journal;
use super::networks;
use super::world::{
    COMMERCE, DELIVERIES, EXPORTS, IMAGING, INBOX, INVOICES, LABORATORY, MEDIA, PACS, RESEARCH,
    RESULTS, WEBSITE,
};

pub fn log(journal: &mut Journal) {
    archive(journal);
    old_pictures(journal);
    quarter(journal);
    laboratory(journal);
    deliveries(journal);
}

/// For three nights DataSync moves an old archive of pictures.
fn archive(journal: &mut Journal) {
    let mut dice = journal.dice("archive");
    for day in 11..14 {
        let begin = at(day, 20.2);
        let role = role(RESEARCH, "datasync-pacs-archive");
        let who = session(
            &mut dice,
            role,
            "AwsSync-task-0f3b7a1c",
            begin - 30,
            Origin::Service("datasync.amazonaws.com"),
        );
        let sync = by_service(who, "datasync.amazonaws.com");
        for number in 0..dice.count(1_100.0) {
            let key = format!("2019/{:02}/{}.dcm", day - 2, dice.between(1_000_000, 9_999_999));
            let (time, length) = (begin + number * 9, size(&key, 9e6, 0.8));
            journal.log(time, &sync, get(&PACS, key.clone(), length));
            journal.log(time + 1, &sync, put(&IMAGING, format!("legacy/{key}"), length));
            if dice.chance(0.2) {
                journal.log(time + 2, &sync, head(&IMAGING, format!("legacy/{key}")));
            }
        }
    }
}

/// An engineer copies the pictures of the old site into the media.
fn old_pictures(journal: &mut Journal) {
    let mut dice = journal.dice("old-pictures");
    let role = sso(COMMERCE, "AWSReservedSSO_ShopDeveloper_8d41f0c6a2b97e35");
    let begin = at(30, 14.1);
    let who = session(&mut dice, role, "j.petersen@nordkiosk.example", begin - 900, Origin::Plain);
    let address = networks::vpn(&mut dice);
    let agent = agents::cli(agents::MAC, "s3.sync");
    let engineer = open(who, &address, &agent, Via::Internet);
    journal.log(begin, &engineer, list(&WEBSITE, "img/", 700));
    for number in 0..640 {
        let key = format!("img/campaign/{number}.jpg");
        let source = format!(r#","x-amz-copy-source":"{}/{key}""#, WEBSITE.name);
        let call = Call::new("CopyObject", &MEDIA, format!("legacy/{key}")).sends(234);
        journal.log(begin + 3 + number / 5, &engineer, call.with(source));
    }
}

/// Finance reads the invoices of the quarter.
fn quarter(journal: &mut Journal) {
    let mut dice = journal.dice("quarter");
    let begin = at(QUARTER + 1, 1.5);
    let name = "quarter-close-2026q1";
    let who = session(
        &mut dice,
        role(COMMERCE, "finance-quarter-close"),
        name,
        begin - 20,
        Origin::Plain,
    );
    let place = networks::function(&mut dice);
    let job = open(who, &place, agents::BOTO, Via::Internet);
    journal.log(begin, &job, list(&INVOICES, "2026/03/", 1000));
    for number in 0..2_300 {
        let key = format!("2026/03/NK-{}.pdf", 700_000 + number * 4);
        let length = size(&key, 9e4, 0.3);
        journal.log(begin + 5 + number / 3, &job, get(&INVOICES, key, length));
    }
    for table in ["revenue", "tax", "refunds"] {
        let key = format!("finance/2026q1/{table}.csv");
        journal.log(begin + 2_000, &job, put(&EXPORTS, key.clone(), size(&key, 4e6, 0.3)));
    }
}

/// The laboratory brings sequences and fetches what was made of them.
fn laboratory(journal: &mut Journal) {
    let mut dice = journal.dice("laboratory");
    let addresses = ["81.169.214.33", "81.169.214.34"];
    for day in (0..DAYS).filter(|day| clock::is_workday(*day)) {
        let begin = at(day, dice.around(10.2, 0.08));
        let name = format!("delivery-{}", &clock::text(begin)[..10]);
        let who = foreign(LABORATORY, "nlk-exchange", &name);
        let partner = open(who, addresses[dice.below(2)], agents::BOTO, Via::Internet);
        journal.log(begin, &partner, list(&INBOX, "hansegen/", 20));
        for number in 0..dice.count(16.0) {
            let key = format!("hansegen/{}/{number:03}.cram", &clock::text(begin)[..10]);
            let length = size(&key, 8e8, 0.5);
            journal.log(begin + number * 40, &partner, put(&INBOX, key, length));
        }
        for number in 0..dice.count(11.0) {
            let key = format!("hansegen/reports/{}/{number}.pdf", &clock::text(begin)[..10]);
            let length = size(&key, 2e6, 0.4);
            journal.log(begin + 900 + number, &partner, get(&RESULTS, key, length));
        }
        if dice.chance(0.08) {
            let call = list(&RESULTS, "runs/", 0).fails("AccessDenied");
            journal.log(begin + 950, &partner, call);
        }
    }
}

/// And we fetch from the laboratory's bucket.
fn deliveries(journal: &mut Journal) {
    let mut dice = journal.dice("deliveries");
    for day in (0..DAYS).filter(|day| clock::is_workday(*day)) {
        let begin = at(day, 17.5) + dice.between(0, 600);
        let role = role(RESEARCH, "nlk-partner-import");
        let who = session(&mut dice, role, "partner-import", begin - 4, Origin::Plain);
        let place = networks::function(&mut dice);
        let import = open(who, &place, agents::BOTO, Via::Internet);
        journal.log(begin, &import, list_buckets());
        journal.log(begin + 1, &import, list(&DELIVERIES, "outgoing/", 14));
        for number in 0..dice.count(9.0) {
            let key = format!("outgoing/{}/{number}.bam", &clock::text(begin)[..10]);
            let length = size(&key, 5e8, 0.4);
            journal.log(begin + 4 + number * 20, &import, get(&DELIVERIES, key.clone(), length));
            journal.log(
                begin + 9 + number * 20,
                &import,
                put(&INBOX, format!("imported/{key}"), length),
            );
        }
    }
}
