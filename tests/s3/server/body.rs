//! Bodies that do not come as they should.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Pauses of slow bodies: long enough that each piece is read on its own.
const PAUSE: Duration = Duration::from_millis(1);
const PIECES: usize = 10;

enum Step {
    Send(Bytes),
    Pause(Pin<Box<Sleep>>),
    Break,
}

/// A body, step by step.
pub(super) struct Script(VecDeque<Step>);

impl Script {
    /// Half of it, and the end of the connection.
    pub(super) fn cut(whole: &Bytes) -> Self {
        let half = whole.slice(..whole.len() / 2);
        // The pause lets the half leave before the connection breaks.
        Self([Step::Send(half), pause(), Step::Break].into())
    }

    /// In pieces with pauses between.
    pub(super) fn slow(whole: &Bytes) -> Self {
        let size = whole.len().div_ceil(PIECES).max(1);
        let pieces = whole.chunks(size).map(|piece| Step::Send(whole.slice_ref(piece)));
        Self(pieces.flat_map(|piece| [piece, pause()]).collect())
    }
}

fn pause() -> Step {
    Step::Pause(Box::pin(sleep(PAUSE)))
}

impl Body for Script {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            match self.0.front_mut() {
                None => return Poll::Ready(None),
                Some(Step::Pause(pause)) => match pause.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => {
                        self.0.pop_front();
                    }
                },
                Some(Step::Break) => return Poll::Ready(Some(Err("a cut".into()))),
                Some(Step::Send(bytes)) => {
                    let bytes = std::mem::take(bytes);
                    self.0.pop_front();
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
            }
        }
    }
}
