//! Events that are planned rather than drawn: scheduled jobs and attacks.
//!
//! In: calls. Out: a list of records with their lane and time, for the driver to
//! weave into the steady traffic. A plan is held in memory, so it covers one day's
//! jobs, or all attacks, and never the traffic itself.

use fastrand::Rng;

use super::cast::Cast;
use super::record::Call;
use super::text;
use super::traffic::lane;
use super::world::{Actor, Bucket, Session};

/// Midnight of 2025-06-09: from then on every key of a multi-object delete gets
/// its own record.
pub(crate) const FAN_OUT_SINCE: i64 = 1_749_427_200;

/// A record waiting for its time.
pub(crate) struct Planned {
    pub(crate) time: i64,
    pub(crate) lane: usize,
    pub(crate) record: String,
}

/// A list of planned records.
pub(crate) struct Plan<'a> {
    pub(crate) cast: &'a Cast,
    pub(crate) rng: Rng,
    pub(crate) events: Vec<Planned>,
}

impl<'a> Plan<'a> {
    /// An empty plan with its own random source.
    pub(crate) fn new(cast: &'a Cast, seed: u64) -> Self {
        Self { cast, rng: Rng::with_seed(seed), events: Vec::new() }
    }

    /// Adds a call to the trail of the account it is delivered to.
    pub(crate) fn add(&mut self, call: &Call<'_>) {
        let mut record = String::with_capacity(1600);
        call.write(&mut record, &mut self.rng);
        self.events.push(Planned {
            time: call.time,
            lane: lane(self.cast.position(call.recipient), call.region()),
            record,
        });
    }

    /// Adds a multi-object delete, and its children where AWS reports them.
    ///
    /// AWS does not document which request fields the children repeat; they carry
    /// those of the parent and its request id.
    pub(crate) fn delete_many(
        &mut self,
        time: i64,
        (actor, session): (&Actor, Session),
        bucket: &Bucket,
        keys: &[String],
    ) {
        let (mut request, mut host_id) = (String::new(), String::new());
        text::letters(&mut request, text::REQUEST, self.rng.u64(..), 16);
        text::host_id(&mut host_id, &mut self.rng);
        let mut parent = Call::new(time, "DeleteObjects", (actor, session), (bucket, ""));
        parent.bytes_in = 90 * keys.len() as u64 + 110;
        parent.bytes_out = 80 * keys.len() as u64 + 150;
        parent.request = Some((&request, &host_id));
        self.add(&parent);
        if time < FAN_OUT_SINCE {
            return;
        }
        for key in keys {
            let mut child = Call::new(time, "DeleteObject", (actor, session), (bucket, key));
            child.request = Some((&request, &host_id));
            child.child = true;
            self.add(&child);
        }
    }
}
