//! Instants as Microsoft writes them: UTC, ISO 8601, up to seven fractional digits, counted here in ticks of 100 ns.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// Ticks in a second.
pub const SECOND: i64 = 10_000_000;

/// Ticks since 1970, or `None` if the text is no instant with an offset.
pub fn parse(text: &str) -> Option<i64> {
    ticks(text.parse::<Timestamp>().ok()?)
}

pub(crate) fn ticks(instant: Timestamp) -> Option<i64> {
    i64::try_from(instant.as_nanosecond().div_euclid(100)).ok()
}

/// The instant with as many fractional digits as it needs.
pub fn format(ticks: i64) -> String {
    let whole = Timestamp::from_second(ticks.div_euclid(SECOND)).unwrap_or(Timestamp::UNIX_EPOCH);
    let fraction = format!("{:07}", ticks.rem_euclid(SECOND));
    let seconds = whole.strftime("%Y-%m-%dT%H:%M:%S");
    match fraction.trim_end_matches('0') {
        "" => format!("{seconds}Z"),
        digits => format!("{seconds}.{digits}Z"),
    }
}

/// The instant with exactly so many fractional digits, 0 to 7; those beyond are cut off.
pub fn format_with(ticks: i64, digits: usize) -> String {
    let seconds = &format(ticks)[..19];
    let fraction = &format!("{:07}", ticks.rem_euclid(SECOND))[..digits];
    match digits {
        0 => format!("{seconds}Z"),
        _ => format!("{seconds}.{fraction}Z"),
    }
}

/// `YYYY-MM-DD HH:MM:SSZ`, as Entra writes it.
pub(crate) fn format_entra(ticks: i64) -> String {
    format(ticks)[..19].replace('T', " ") + "Z"
}

/// `Wed, 18 Nov 2026 09:30:00 GMT`, as HTTP's `Date` has it.
pub(crate) fn format_http(ticks: i64) -> String {
    let whole = Timestamp::from_second(ticks.div_euclid(SECOND)).unwrap_or(Timestamp::UNIX_EPOCH);
    whole.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The ticks of an ISO 8601 duration such as `PT5M` or `P30D`; a day is 24 hours, months and years are refused.
pub fn parse_duration(text: &str) -> Option<i64> {
    let span: Span = text.parse().ok()?;
    let duration: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    i64::try_from(duration.as_nanos() / 100).ok()
}

/// Moves every instant written as a JSON string in `text` by whole seconds and leaves its fractional digits as they are.
pub(crate) fn shift(text: &str, seconds: i64) -> String {
    let mut shifted = String::with_capacity(text.len());
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            shifted.push('"');
        }
        match is_instant(part).then(|| parse(part)).flatten() {
            Some(ticks) => {
                shifted
                    .push_str(&format(ticks.div_euclid(SECOND) * SECOND + seconds * SECOND)[..19]);
                shifted.push_str(&part[19..]);
            }
            None => shifted.push_str(part),
        }
    }
    shifted
}

fn is_instant(text: &str) -> bool {
    text.is_ascii() && text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_keeps_its_seven_digits_and_drops_only_zeros() {
        for text in [
            "2026-11-17T08:00:00.1234567Z",
            "2026-11-17T08:00:00.12Z",
            "2026-11-17T08:00:00Z",
        ] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }

    #[test]
    fn an_instant_can_have_fewer_digits_than_it_needs_and_more() {
        let at = parse("2026-11-17T08:00:00.1234560Z").unwrap();
        assert_eq!(format_with(at, 0), "2026-11-17T08:00:00Z");
        assert_eq!(format_with(at, 2), "2026-11-17T08:00:00.12Z");
        assert_eq!(format_with(at, 7), "2026-11-17T08:00:00.1234560Z");
    }

    #[test]
    fn shifting_moves_instants_and_nothing_else() {
        let text = r#"{"at":"2026-11-17T08:00:00.10Z","note":"seen \"2026\" twice"}"#;
        assert_eq!(shift(text, 3600), text.replace("T08:", "T09:"));
    }

    #[test]
    fn durations_are_exact_or_refused() {
        assert_eq!(parse_duration("PT5M"), Some(300 * SECOND));
        assert_eq!(parse_duration("P30D"), Some(30 * 86_400 * SECOND));
        assert_eq!(parse_duration("P1M"), None);
        assert_eq!(parse_duration("5 minutes please"), None);
    }
}
