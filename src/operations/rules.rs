//! What ids and observables look like: each rule answers the form in which a text is sent, or nothing if the text does not hold to it.

use std::net::IpAddr;

use crate::config::is_guid;

/// So many hexadecimal digits, in lower case.
pub fn hex(text: &str, digits: usize) -> Option<String> {
    let is = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is.then(|| text.to_ascii_lowercase())
}

pub fn digits(text: &str) -> Option<String> {
    let is = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is.then(|| text.to_owned())
}

pub fn guid(text: &str) -> Option<String> {
    is_guid(text).then(|| text.to_ascii_lowercase())
}

/// An address in its canonical form.
pub fn ip(text: &str) -> Option<String> {
    text.parse().ok().map(|ip: IpAddr| ip.to_string())
}

pub fn domain(text: &str) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // All digits is an address, or a part of one.
    let ends_in_digits = text
        .rsplit('.')
        .next()
        .is_none_or(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let is =
        text.len() <= 253 && text.contains('.') && text.split('.').all(label) && !ends_in_digits;
    is.then(|| text.to_ascii_lowercase())
}

/// A web address, as it is written.
pub fn url(text: &str) -> Option<String> {
    let whole = !text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    let parsed = reqwest::Url::parse(text).ok()?;
    let is = whole && matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
    is.then(|| text.to_owned())
}

pub fn cve(text: &str) -> Option<String> {
    let text = text.to_ascii_uppercase();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.split('-');
    let is = matches!(parts.next(), Some("CVE" | "TVM"))
        && parts
            .next()
            .is_some_and(|year| year.len() == 4 && digits(year))
        && parts
            .next()
            .is_some_and(|number| (4..=19).contains(&number.len()) && digits(number))
        && parts.next().is_none();
    is.then_some(text)
}

/// Vendor and product, which may hold almost anything: `notepad++-_-notepad++`.
pub fn catalogue_id(text: &str) -> Option<String> {
    let is = text.contains("-_-") && !text.contains(char::is_whitespace);
    name(text, "/\\?#").filter(|_| is)
}

/// Letters, digits and a few marks, as they are.
pub fn plain(text: &str, longest: usize) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.~".contains(&byte);
    let is = text.len() <= longest
        && text.bytes().all(fits)
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric());
    is.then(|| text.to_owned())
}

/// A short text on one line without any of the `barred` characters, as it is.
pub fn name(text: &str, barred: &str) -> Option<String> {
    let is = !text.trim().is_empty()
        && text.chars().count() <= 256
        && !text.contains(|letter: char| letter.is_control() || barred.contains(letter));
    is.then(|| text.to_owned())
}
