//! The simulator's clock: frozen at the seeds' `asOf`, or running with the machine's, and moved forward by hand.

use std::time::Instant;

/// Time in ticks of 100 ns since 1970.
#[derive(Debug)]
pub(crate) struct Clock {
    base: i64,
    running_since: Option<Instant>,
    last_stamp: i64,
}

impl Clock {
    pub fn frozen(base: i64) -> Clock {
        Clock {
            base,
            running_since: None,
            last_stamp: i64::MIN,
        }
    }

    pub fn running(base: i64) -> Clock {
        Clock {
            running_since: Some(Instant::now()),
            ..Clock::frozen(base)
        }
    }

    pub fn now(&self) -> i64 {
        let elapsed = self
            .running_since
            .map_or(0, |start| start.elapsed().as_nanos() / 100);
        self.base + elapsed as i64
    }

    pub fn advance(&mut self, ticks: i64) {
        self.base += ticks;
    }

    /// Now, but later than every stamp before, so that two changes under a frozen clock still have an order.
    pub fn stamp(&mut self) -> i64 {
        self.last_stamp = self.now().max(self.last_stamp.saturating_add(1));
        self.last_stamp
    }
}
