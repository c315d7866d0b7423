//! Which requests go wrong, and how. Drawn by the request and the number of its try, never by time
//! or order, so that a run meets the same faults whatever its threads do.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::credentials::Refusal;
use super::log::Asked;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// 503: the caller asks too much.
    SlowDown,
    /// 500.
    InternalError,
    /// 403.
    AccessDenied,
    /// 403: the object is in an archive.
    InvalidObjectState,
    /// 409: another conditional write is under way; nothing is written.
    ConditionalRequestConflict,
    /// The body ends in the middle, and the connection with it.
    Cut,
    /// The body comes in small pieces with pauses between.
    Slow,
    /// The connection breaks without an answer; nothing is done.
    Reset,
    /// What is asked for is done, and the connection breaks without an answer.
    LostAnswer,
}

impl Fault {
    /// The answer instead of the right one.
    pub(super) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::SlowDown => Some((503, "SlowDown", "Please reduce your request rate.")),
            Self::InternalError => {
                Some((500, "InternalError", "We encountered an internal error."))
            }
            Self::AccessDenied => Some((403, "AccessDenied", "Access Denied")),
            Self::InvalidObjectState => Some((
                403,
                "InvalidObjectState",
                "The operation is not valid for the object's storage class",
            )),
            Self::ConditionalRequestConflict => Some((
                409,
                "ConditionalRequestConflict",
                "The conditional request cannot succeed due to a conflicting operation",
            )),
            Self::Cut | Self::Slow | Self::Reset | Self::LostAnswer => None,
        }
    }

    /// Whether the fault can befall a request with this method.
    fn befalls(self, method: &str) -> bool {
        match self {
            Self::Cut | Self::Slow | Self::InvalidObjectState => method == "GET",
            Self::ConditionalRequestConflict | Self::LostAnswer => method != "GET",
            _ => true,
        }
    }
}

/// What befalls some requests for sure.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What `METHOD bucket/key` contains.
    pub request: String,
    /// How many tries of each request it befalls.
    pub tries: u32,
    /// What goes wrong.
    pub fault: Fault,
}

impl Rule {
    /// Befalls every try.
    pub fn always(request: &str, fault: Fault) -> Self {
        Self { request: request.to_owned(), tries: u32::MAX, fault }
    }

    /// Befalls the first try.
    pub fn once(request: &str, fault: Fault) -> Self {
        Self { tries: 1, ..Self::always(request, fault) }
    }
}

/// What goes wrong; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Another one draws other requests.
    pub seed: u64,
    /// Which share of all tries each of these befalls. They add up to at most 1.
    pub rates: Vec<(Fault, f64)>,
    /// What befalls some for sure, whatever is drawn; the first that fits.
    pub rules: Vec<Rule>,
    /// How long each answer with an object takes.
    pub latency: Duration,
}

impl Faults {
    pub(super) fn of(&self, asked: &Asked) -> Option<Fault> {
        let name = format!("{} {}/{}", asked.method, asked.bucket, asked.key);
        let rule = self.rules.iter().find(|rule| {
            name.contains(&rule.request)
                && asked.attempt <= rule.tries
                && rule.fault.befalls(&asked.method)
        });
        if let Some(rule) = rule {
            return Some(rule.fault);
        }
        let text = format!("{} {}", asked.identity(), asked.attempt);
        // The upper 32 bits as a share of 1.
        let drawn = xxh3_64_with_seed(text.as_bytes(), self.seed) >> 32;
        let drawn = f64::from(u32::try_from(drawn).unwrap()) / f64::from(u32::MAX);
        let mut below = 0.0;
        let fault = self.rates.iter().find(|(_, rate)| {
            below += rate;
            drawn < below
        });
        fault.map(|(fault, _)| *fault).filter(|fault| fault.befalls(&asked.method))
    }
}
