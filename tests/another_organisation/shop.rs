//! The web shop: CloudFront, functions, the order service, customers, and a site that is public.

use std::sync::Arc;

use super::agents::{self, by_service, open};
use super::calls::{Call, Session, Via, get, head, list, put, size};
use super::clock::{ALWAYS, DAYS, SHOPPERS, at, within};
use super::dice::Dice;
use super::identities::{Identity, Origin, anonymous, role, service, session, user};
use super::journal::Journal;
use super::networks;
use super::world::{COMMERCE, EDGE_LOGS, EXPORTS, INVOICES, MEDIA, UPLOADS, WEBSITE};

const GATEWAYS: [&str; 2] = ["18.196.34.201", "3.122.117.88"];
const BROWSERS: [&str; 4] = [agents::CHROME, agents::SAFARI, agents::IPHONE, agents::FIREFOX];
pub const PIM_ADDRESS: &str = "116.203.94.17";

pub fn log(journal: &mut Journal) {
    cloudfront(journal);
    thumbnails(journal);
    orders(journal);
    health(journal);
    website(journal);
    products(journal);
}

/// How much is going on: more at weekends, much more in two weeks of a sale.
fn season(day: i64) -> f64 {
    let weekend = if day % 7 >= 5 { 1.25 } else { 1.0 };
    let sale = if (17..=22).contains(&day) { 1.6 } else { 1.0 };
    weekend * sale
}

fn picture(dice: &mut Dice) -> String {
    let article = 20_000 + dice.favourite(9_000);
    let width = *dice.pick(&[240, 480, 960, 1920]);
    format!("catalog/{article}/{width}/{}.webp", dice.between(1, 5))
}

/// What CloudFront does not have, it fetches.
fn cloudfront(journal: &mut Journal) {
    let mut dice = journal.dice("cloudfront");
    let edge = by_service(service("cloudfront.amazonaws.com"), "cloudfront.amazonaws.com");
    let delivery =
        by_service(service("delivery.logs.amazonaws.com"), "delivery.logs.amazonaws.com");
    for day in 0..DAYS {
        for _ in 0..dice.count(1_250.0 * season(day)) {
            let time = within(&mut dice, day, &SHOPPERS);
            let key = picture(&mut dice);
            let call = get(&MEDIA, key.clone(), size(&key, 6e4, 0.7));
            // A release on day 29 asked for widths that nobody had made, for five hours.
            let broken = (at(29, 10.3)..at(29, 15.1)).contains(&time) && dice.chance(0.7);
            let call = match dice.unit() {
                _ if broken => call.fails("NoSuchKey"),
                x if x < 0.012 => call.fails("NoSuchKey"),
                x if x < 0.05 => call.fails("NotModified"),
                _ => call,
            };
            journal.log(time, &edge, call);
        }
        for _ in 0..dice.count(70.0 * season(day)) {
            let time = within(&mut dice, day, &SHOPPERS);
            let key = format!("E2NK7Q{}.gz", dice.hex(8));
            journal.log(time, &delivery, put(&EDGE_LOGS, key.clone(), size(&key, 3e4, 0.9)));
        }
    }
}

/// The role of the function had another name until day 27.
fn thumbnailer(dice: &mut Dice, time: i64) -> Arc<Session> {
    let name =
        if time < at(27, 14.2) { "shop-thumbnailer-role" } else { "shop-media-processor-role" };
    let function = name.trim_end_matches("-role");
    let who = session(dice, role(COMMERCE, name), function, time - time % 5_400, Origin::Plain);
    let place = networks::function(dice);
    open(who, &place, agents::NODE_LAMBDA, Via::Internet)
}

fn thumbnails(journal: &mut Journal) {
    let mut dice = journal.dice("thumbnails");
    for day in 0..DAYS {
        for _ in 0..dice.count(58.0 * season(day)) {
            let time = within(&mut dice, day, &SHOPPERS);
            let function = thumbnailer(&mut dice, time);
            let photo = format!("reviews/{}/{}.jpg", dice.between(20_000, 29_000), dice.hex(10));
            let length = size(&photo, 2.4e6, 0.6);
            journal.log(time, &function, get(&UPLOADS, photo.clone(), length));
            for width in [240, 480, 960] {
                let key = format!("{}/{width}.webp", photo.trim_end_matches(".jpg"));
                journal.log(time + 2, &function, put(&MEDIA, key, length / 40));
            }
            if dice.chance(0.03) {
                let call = head(&UPLOADS, format!("{photo}.lock")).fails("NoSuchKey");
                journal.log(time + 1, &function, call);
            }
        }
    }
}

fn order_service(dice: &mut Dice, since: i64) -> Identity {
    let task = dice.hex(32);
    session(dice, role(COMMERCE, "shop-order-service"), &task, since, Origin::Plain)
}

/// Invoices are written, and read by customers with signed URLs; photos come the same way.
fn orders(journal: &mut Journal) {
    let mut dice = journal.dice("orders");
    let mut tasks: Vec<Identity> = (0..3).map(|_| order_service(&mut dice, at(0, 0.0))).collect();
    for day in 0..DAYS {
        // Deployments replace the tasks.
        if dice.chance(0.4) {
            tasks = (0..3).map(|_| order_service(&mut dice, at(day, 9.0))).collect();
        }
        for _ in 0..dice.count(330.0 * season(day)) {
            let time = within(&mut dice, day, &SHOPPERS);
            let who = dice.pick(&tasks).clone();
            order(journal, &mut dice, day, time, &who);
        }
    }
}

fn order(journal: &mut Journal, dice: &mut Dice, day: i64, time: i64, who: &Identity) {
    let order = 700_000 + day * 600 + dice.between(0, 599);
    let key = format!("2026/{:02}/NK-{order}.pdf", if day < 16 { 3 } else { 4 });
    let length = size(&key, 9e4, 0.3);
    let (gateway, fails) = (*dice.pick(&GATEWAYS), (at(21, 15.0)..at(21, 15.5)).contains(&time));
    let task = open(who.clone(), gateway, agents::GO_SERVICE, Via::Internet);
    match dice.unit() {
        x if x < 0.55 || fails => {
            let call = put(&INVOICES, key, length);
            // A policy of the key was wrong for half an hour.
            journal.log(time, &task, if fails { call.fails("AccessDenied") } else { call });
        }
        x if x < 0.72 => journal.log(time, &task, get(&EXPORTS, "templates/invoice.html", 14_207)),
        x => {
            let (address, browser) = (networks::consumer(dice), *dice.pick(&BROWSERS));
            let customer = open(who.clone(), &address, browser, Via::Presigned);
            if x < 0.9 {
                journal.log(time, &customer, get(&INVOICES, key, length));
            } else {
                let key = format!("reviews/{}/{}.jpg", dice.between(20_000, 29_000), dice.hex(10));
                let sent = size(&key, 2.4e6, 0.6);
                journal.log(time, &customer, put(&UPLOADS, key, sent));
            }
        }
    }
}

/// Every five minutes, and what that forgets.
fn health(journal: &mut Journal) {
    let mut dice = journal.dice("health");
    for day in 0..DAYS {
        let who = session(
            &mut dice,
            role(COMMERCE, "shop-health-check"),
            "probe",
            at(day, 0.2),
            Origin::Plain,
        );
        let probe = open(who, GATEWAYS[0], agents::BOTO, Via::Internet);
        for number in 0..288 {
            let time = at(day, 0.0) + number * 300 + dice.between(0, 3);
            if dice.chance(0.985) {
                let bucket = if number % 2 == 0 { &MEDIA } else { &INVOICES };
                journal.log(time, &probe, Call::new("HeadBucket", bucket, ""));
            }
        }
    }
}

/// An old site that is a bucket, for everyone; the Internet knocks at it, and beside it.
fn website(journal: &mut Journal) {
    let mut dice = journal.dice("website");
    let pages =
        ["index.html", "agb.html", "css/main.css", "img/logo.svg", "js/app.js", "robots.txt"];
    let probes = [".env", ".git/config", "wp-login.php", "backup.zip", "admin/"];
    for day in 0..DAYS {
        for _ in 0..dice.count(95.0) {
            let time = within(&mut dice, day, &SHOPPERS);
            let (address, browser) = (networks::consumer(&mut dice), *dice.pick(&BROWSERS));
            let visitor = open(anonymous(), &address, browser, Via::Anonymous);
            let page = pages[dice.favourite(pages.len())];
            journal.log(time, &visitor, get(&WEBSITE, page, size(page, 2e4, 0.8)));
        }
        for _ in 0..dice.count(3.0) {
            let time = within(&mut dice, day, &ALWAYS);
            let address = networks::scanner(&mut dice);
            let bot = open(anonymous(), &address, "[Mozilla/5.0 (compatible)]", Via::Anonymous);
            let bucket = if dice.chance(0.1) { &UPLOADS } else { &WEBSITE };
            for probe in probes.iter().take(dice.below(5) + 1) {
                journal.log(time, &bot, get(bucket, *probe, 0).fails("AccessDenied"));
            }
        }
        if dice.chance(0.3) {
            let address = networks::consumer(&mut dice);
            let visitor = open(anonymous(), &address, agents::CHROME, Via::Anonymous);
            let call = Call::new("PreflightRequest", &UPLOADS, "reviews/x.jpg");
            journal.log(within(&mut dice, day, &SHOPPERS), &visitor, call);
        }
    }
}

pub fn cms() -> Arc<Session> {
    open(user(COMMERCE, "cms-uploader"), PIM_ADDRESS, agents::PIM, Via::Internet)
}

/// The system of product information, at a hosting provider, with a static key.
fn products(journal: &mut Journal) {
    let mut dice = journal.dice("products");
    let cms = cms();
    for day in (0..DAYS).filter(|day| day % 7 < 6) {
        for _ in 0..dice.count(14.0) {
            let time = within(&mut dice, day, &super::clock::OFFICE);
            let article = dice.between(20_000, 29_000);
            journal.log(time, &cms, list(&MEDIA, &format!("catalog/{article}/"), 20));
            for number in 1..=dice.between(1, 5) {
                let key = format!("catalog/{article}/original/{number}.tif");
                journal.log(time + number, &cms, put(&MEDIA, key.clone(), size(&key, 1.4e7, 0.5)));
            }
        }
        let time = at(day, 5.5) + dice.between(0, 900);
        journal.log(time, &cms, get(&EXPORTS, "products/full.csv.gz", 8_812_004));
        journal.log(time + 40, &cms, head(&EXPORTS, "products/delta.csv.gz"));
        if dice.chance(0.5) {
            let key = format!("products/ack/{}.json", &super::clock::text(time)[..10]);
            journal.log(time + 60, &cms, put(&EXPORTS, key, 2_110));
        }
    }
}
