//! Instants as Microsoft writes them, ISO 8601 durations, HTTP dates, and the time an invocation has left.

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, header::DATE};
use tokio::sync::{Mutex, MutexGuard};

pub use jiff::Timestamp;
use jiff::{SignedDuration, Span, SpanRelativeTo, fmt::rfc2822};

/// What is kept back from Lambda's deadline, so that our own answer always leaves before Lambda kills the process.
const MARGIN: Duration = Duration::from_millis(700);

/// No invocation lasts longer than a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// An RFC 3339 instant in UTC, as OData filters take it: at most seven digits of fraction, as Microsoft keeps them.
pub fn to_odata(at: Timestamp) -> String {
    let ticks = at.as_nanosecond().div_euclid(100) * 100;
    Timestamp::from_nanosecond(ticks).map_or_else(|_| at.to_string(), |at| at.to_string())
}

/// Microsoft's unit of time: 100 ns, since 1970.
pub fn ticks(at: Timestamp) -> i64 {
    // Every instant of the calendar fits.
    at.as_nanosecond().div_euclid(100) as i64
}

/// The instant of so many ticks since 1970; the last of the calendar for more.
pub fn from_ticks(ticks: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ticks) * 100).unwrap_or(Timestamp::MAX)
}

/// The ticks of a day.
pub const DAY: i64 = 864_000_000_000;

/// The day of an instant, UTC, counted from 1970.
pub fn day(at: Timestamp) -> i64 {
    ticks(at).div_euclid(DAY)
}

/// An instant with all seven digits, so that equal instants have equal texts.
pub fn to_text(at: Timestamp) -> String {
    format!("{at:.7}")
}

/// An ISO 8601 duration (`PT15M`, `P1DT12H`): days are 24 hours, and months and years, whose length varies, are refused.
pub fn parse_duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.strip_prefix('P').and(text.parse().ok())?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
}

/// The date of an HTTP header (`Fri, 20 Nov 2026 09:00:00 GMT`).
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|date| date.timestamp())
}

/// When a service answered, by its own clock.
pub fn http_date(headers: &HeaderMap) -> Option<Timestamp> {
    parse_http_date(headers.get(DATE)?.to_str().ok()?)
}

/// When an invocation must have answered. Whatever waits, waits no longer.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// From the instant at which Lambda ends the invocation.
    pub fn of_lambda(ends: SystemTime) -> Self {
        // cargo-lambda's emulator says how long there is, not when it ends.
        let since_epoch = ends
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        if since_epoch <= LONGEST {
            return Self::after(since_epoch);
        }
        Self::after(ends.duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// The same, or earlier where whoever asked waits no longer than `most`.
    pub fn within(self, most: Duration) -> Self {
        Self(self.0.min(Self::after(most).0))
    }

    /// The same, less `time` that is kept back for what is done after it: one `part`th of what is left at most.
    pub fn less(self, time: Duration, part: u32) -> Self {
        let left = self.remaining();
        self.within(left - time.min(left / part))
    }

    fn after(left: Duration) -> Self {
        Self(Instant::now() + (left - MARGIN.min(left / 4)).min(LONGEST))
    }

    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Whether a request can still be made after waiting that long.
    pub fn leaves_room_after(self, wait: Duration) -> bool {
        self.remaining() > wait.saturating_add(Duration::from_millis(250))
    }

    /// Waits that long, unless no request could be made after it. Answers whether it did.
    pub async fn wait(self, wait: Duration) -> bool {
        let has_room = self.leaves_room_after(wait);
        if has_room {
            tokio::time::sleep(wait).await;
        }
        has_room
    }

    /// Takes a lock, or gives up in time. One that is free costs no timer.
    pub async fn lock<T>(self, mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
        match mutex.try_lock() {
            Ok(guard) => Some(guard),
            Err(_) => tokio::time::timeout(self.remaining(), mutex.lock())
                .await
                .ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_with_microsofts_precision() {
        let written = |text: &str| to_odata(text.parse().unwrap());
        assert_eq!(written("2026-11-01T00:00:00Z"), "2026-11-01T00:00:00Z");
        assert_eq!(
            written("2026-11-01T02:00:00.5+02:00"),
            "2026-11-01T00:00:00.5Z"
        );
        assert_eq!(
            written("2026-11-01T00:00:00.123456789Z"),
            "2026-11-01T00:00:00.1234567Z"
        );
    }

    #[test]
    fn durations_are_exact_lengths_of_time() {
        let seconds = |text: &str| parse_duration(text).map(|length| length.as_secs());
        assert_eq!(seconds("P30D"), Some(30 * 86_400));
        assert_eq!(seconds("P1W"), Some(7 * 86_400));
        assert_eq!(seconds("PT15M"), Some(900));
        assert_eq!(seconds("P1DT12H"), Some(36 * 3_600));
        for wrong in ["", "30D", "P", "P1M", "P1Y", "PT", "P1D1H", "-P1D", "1 day"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn http_dates_are_read() {
        let date = parse_http_date("Fri, 20 Nov 2026 09:00:00 GMT").unwrap();
        assert_eq!(date.to_string(), "2026-11-20T09:00:00Z");
        assert_eq!(parse_http_date("tomorrow"), None);
    }
}
