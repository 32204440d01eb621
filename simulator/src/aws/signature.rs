//! AWS Signature Version 4 of a request with headers, verified as AWS documents how it is made.

use ring::{digest, hmac};

use super::Aws;
use super::sts::Refusal;
use crate::request::Request;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far a request's date may be off, in seconds.
const SKEW: i64 = 15 * 60;

/// What the Authorization header says.
struct Authorization<'r> {
    key_id: &'r str,
    /// `20261120/eu-central-1/sts/aws4_request`
    scope: &'r str,
    signed_headers: Vec<&'r str>,
    signature: &'r str,
}

/// Refuses what the account's key did not sign for its own region and `service`.
pub(super) fn verify(aws: &Aws, request: &Request, service: &str) -> Result<(), Refusal> {
    let header = request.header("authorization").ok_or_else(|| {
        Refusal::new(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        )
    })?;
    let authorization = parse(header).ok_or_else(|| {
        Refusal::new(400, "IncompleteSignature", format!("Authorization header requires {ALGORITHM} with Credential, SignedHeaders and Signature."))
    })?;
    let unknown = || {
        let message = "The security token included in the request is invalid.";
        Refusal::new(403, "InvalidClientTokenId", message)
    };
    if authorization.key_id != aws.access_key_id {
        return Err(unknown());
    }
    if request.header("x-amz-security-token") != aws.session_token.as_deref() {
        return Err(unknown());
    }
    let date = request.header("x-amz-date").unwrap_or_default();
    check_date(date, aws.now())?;
    let day = date.get(..8).unwrap_or_default();
    for (part, expected) in
        authorization
            .scope
            .split('/')
            .zip([day, &aws.region, service, "aws4_request"])
    {
        if part != expected {
            return Err(mismatch(format!(
                "Credential should be scoped to {expected}, not to {part}."
            )));
        }
    }
    if authorization.scope.split('/').count() != 4 {
        return Err(mismatch("The credential's scope has four parts.".into()));
    }
    // AWS wants the host and every x-amz- header signed.
    let mut wanted = vec!["host"];
    let sent = request.headers.iter().map(|(name, _)| name.as_str());
    wanted.extend(sent.filter(|name| name.starts_with("x-amz-")));
    for name in wanted {
        if !authorization.signed_headers.contains(&name) {
            return Err(mismatch(format!("'{name}' must be a signed header.")));
        }
    }
    let canonical = canonical(request, &authorization.signed_headers)?;
    let to_sign = format!(
        "{ALGORITHM}\n{date}\n{}\n{}",
        authorization.scope,
        hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
    );
    let expected = hex(signature(aws, authorization.scope, &to_sign).as_ref());
    match expected == authorization.signature {
        true => Ok(()),
        false => Err(mismatch(format!(
            "The request signature we calculated does not match the signature you provided. The canonical string should have been\n'{canonical}'\n\nThe string to sign should have been\n'{to_sign}'"
        ))),
    }
}

fn mismatch(message: String) -> Refusal {
    Refusal::new(403, "SignatureDoesNotMatch", message)
}

fn parse(header: &str) -> Option<Authorization<'_>> {
    let fields = header.strip_prefix(ALGORITHM)?;
    let field = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let (key_id, scope) = field("Credential")?.split_once('/')?;
    Some(Authorization {
        key_id,
        scope,
        signed_headers: field("SignedHeaders")?.split(';').collect(),
        signature: field("Signature")?,
    })
}

fn check_date(date: &str, now: i64) -> Result<(), Refusal> {
    let parsed = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", date)
        .and_then(|time| time.to_datetime())
        .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC));
    let at = parsed
        .map_err(|_| {
            Refusal::new(
                400,
                "IncompleteSignature",
                format!("Date must be in ISO-8601 'basic format'. Got '{date}'."),
            )
        })?
        .timestamp()
        .as_second();
    match at - now {
        early if early > SKEW => Err(mismatch(format!(
            "Signature not yet current: {date} is still later than now + 15 min."
        ))),
        late if late < -SKEW => Err(mismatch(format!(
            "Signature expired: {date} is now earlier than now - 15 min."
        ))),
        _ => Ok(()),
    }
}

/// The canonical request. The simulated service has one path, `/`, so there is no path to encode.
fn canonical(request: &Request, signed: &[&str]) -> Result<String, Refusal> {
    if !signed.is_sorted() {
        return Err(mismatch("Signed headers come in their order.".into()));
    }
    let mut headers = String::new();
    for name in signed {
        let sent: Vec<String> = request
            .headers
            .iter()
            .filter(|(header, _)| header == name)
            .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        if sent.is_empty() {
            return Err(mismatch(format!("The signed header '{name}' is missing.")));
        }
        headers.push_str(&format!("{name}:{}\n", sent.join(",")));
    }
    let mut query: Vec<String> = request
        .query
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    query.sort();
    Ok(format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        request.path,
        query.join("&"),
        signed.join(";"),
        hex(digest::digest(&digest::SHA256, &request.body).as_ref())
    ))
}

fn encoded(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(text, &KEPT).to_string()
}

/// The chain of keys from the secret through the scope's parts to the signature.
fn signature(aws: &Aws, scope: &str, to_sign: &str) -> hmac::Tag {
    let sign = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
    };
    let mut parts = scope.split('/');
    let secret = format!("AWS4{}", aws.secret_access_key);
    let first = sign(secret.as_bytes(), parts.next().unwrap_or_default());
    let key = parts.fold(first, |key, part| sign(key.as_ref(), part));
    sign(key.as_ref(), to_sign)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
