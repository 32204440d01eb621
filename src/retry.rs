//! When to ask again, and how long to wait first.

use std::time::Duration;

use http::{HeaderMap, header::RETRY_AFTER};

use crate::time::{Timestamp, parse_http_date};

/// How often one request is sent, quotas apart. More tries add load to a service that is down.
pub const TRIES: u32 = 4;

/// The longest pause between two tries, quotas apart.
const LONGEST: Duration = Duration::from_secs(8);

/// The pause after the first try with the least luck; it doubles with every further one.
const FIRST: Duration = Duration::from_millis(400);

/// The wait for a quota that says nothing about when it is filled again; it doubles too.
const QUOTA: Duration = Duration::from_secs(30);

/// Exponential with full jitter: callers that failed together do not come back together.
pub fn backoff(tries: u32) -> Duration {
    let most = (FIRST * 2u32.pow(tries.saturating_sub(1).min(8))).min(LONGEST);
    most.mul_f64(fastrand::f64())
}

/// How long a quota is used up, by what the service said: `Retry-After`, else the period that the message names, else a guess.
pub fn quota_wait(headers: &HeaderMap, message: &str, tries: u32) -> Duration {
    retry_after(headers, Timestamp::now())
        .or_else(|| period(message))
        .unwrap_or_else(|| QUOTA * 2u32.pow(tries.saturating_sub(1).min(4)))
}

/// `Retry-After` in either form, seconds or a date.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = parse_http_date(text)?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// The period of "maximum allowed 45 per 00:01:00".
fn period(message: &str) -> Option<Duration> {
    let (_, after) = message.split_once(" per ")?;
    let clock = after
        .split_whitespace()
        .next()?
        .trim_end_matches(['.', ',', ';']);
    let mut parts = clock.splitn(3, ':').map(str::parse::<u64>);
    let (hours, minutes, seconds) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    (hours < 100 && minutes < 60 && seconds < 60)
        .then(|| Duration::from_secs(hours * 3600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(retry_after: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, retry_after.parse().unwrap())])
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-20T09:00:00Z".parse().unwrap();
        let wait = |text: &str| retry_after(&headers(text), now).map(|wait| wait.as_secs());
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait("Fri, 20 Nov 2026 09:02:00 GMT"), Some(120));
        assert_eq!(wait("Fri, 20 Nov 2026 08:00:00 GMT"), Some(0));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn without_it_the_period_of_the_message_counts() {
        let wait = |message: &str, tries| quota_wait(&HeaderMap::new(), message, tries).as_secs();
        assert_eq!(
            wait(
                "API calls quota exceeded! maximum allowed 45 per 00:01:00",
                1
            ),
            60
        );
        assert_eq!(
            wait(
                "API calls quota exceeded! maximum allowed 1500 per 01:00:00.",
                1
            ),
            3600
        );
        assert_eq!(wait("Too many requests per user", 1), 30);
        assert_eq!(wait("", 3), 120);
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let longest_of_many = |tries| (0..200).map(|_| backoff(tries)).max().unwrap_or_default();
        assert!((FIRST / 2..=FIRST).contains(&longest_of_many(1)));
        assert!((FIRST * 2..=FIRST * 4).contains(&longest_of_many(3)));
        assert!((LONGEST / 2..=LONGEST).contains(&longest_of_many(30)));
    }
}
