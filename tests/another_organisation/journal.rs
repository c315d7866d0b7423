//! All that happened, in the order of the actors, not of time: as little sorted as log files are.

use std::sync::Arc;

use super::calls::{Call, Session};
use super::clock;
use super::dice::{Dice, fixed};
use super::world::Bucket;

pub struct Event {
    pub time: i64,
    pub session: Arc<Session>,
    pub call: Call,
}

pub struct Journal {
    pub seed: u64,
    pub events: Vec<Event>,
    /// Exchanges of a GitHub token for a session: (time, identity of the session, address).
    pub exchanges: Vec<(i64, Arc<Session>)>,
}

const PART: u64 = 64 << 20;

impl Journal {
    pub fn new(seed: u64) -> Self {
        Self { seed, events: Vec::new(), exchanges: Vec::new() }
    }

    /// The stream of chance of one actor.
    pub fn dice(&self, actor: &str) -> Dice {
        fixed(self.seed, actor)
    }

    pub fn log(&mut self, time: i64, session: &Arc<Session>, call: Call) {
        if time >= clock::START && !clock::is_over(time) {
            self.events.push(Event { time, session: Arc::clone(session), call });
        }
    }

    /// A `DeleteObjects` per 1,000 keys, and what it deletes.
    pub fn delete_many(
        &mut self,
        time: i64,
        session: &Arc<Session>,
        bucket: &'static Bucket,
        keys: &[String],
    ) {
        for (batch, keys) in (0..).zip(keys.chunks(1000)) {
            let time = time + batch * 4;
            let length = keys.iter().map(|key| key.len() as u64 + 49).sum::<u64>();
            let call = Call::new("DeleteObjects", bucket, "").receives(length + 92);
            self.log(time, session, call.with(r#","delete":"","x-id":"DeleteObjects""#));
            for (number, key) in (0..).zip(keys) {
                let call = Call::new("DeleteObject", bucket, key.clone());
                self.log(time + number / 400, session, Call { child: true, ..call });
            }
        }
    }

    /// A large object goes up in parts. Gives when that is done.
    pub fn upload(
        &mut self,
        time: i64,
        session: &Arc<Session>,
        bucket: &'static Bucket,
        key: &str,
        size: u64,
    ) -> i64 {
        let id = fixed(7, &format!("{key}/{time}")).hex(48);
        let begin = Call::new("CreateMultipartUpload", bucket, key).sends(340);
        self.log(time, session, begin.with(r#","uploads":"","x-id":"CreateMultipartUpload""#));
        // Of the largest, tools make parts of another size.
        let part = PART.max(size / 24 + 1);
        let parts = size.div_ceil(part).max(2);
        let mut now = time;
        for number in 1..=parts {
            now += 1 + i64::from(number % 3 == 0) * 2;
            let length = part.min(size - (number - 1).min(size / part) * part);
            let call = Call::new("UploadPart", bucket, key).receives(length);
            let place =
                format!(r#","partNumber":"{number}","uploadId":"{id}","x-id":"UploadPart""#);
            self.log(now, session, call.with(place));
        }
        let end = Call::new("CompleteMultipartUpload", bucket, key).receives(90 * parts).sends(402);
        self.log(now + 2, session, end.with(format!(r#","uploadId":"{id}""#)));
        now + 2
    }
}
