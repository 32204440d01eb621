//! Requests to AWS, signed by hand: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::{
    env,
    error::Error,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use ring::{
    digest::{SHA256, digest},
    hmac::{HMAC_SHA256, Key, sign},
};
use rustls::ClientConfig;

use crate::{connection::Host, json, variable};

/// The client secret in Secrets Manager: the secret's text, or its `clientSecret` where that is JSON.
pub fn secret(id: &str, tls: &Arc<ClientConfig>) -> Result<String, Box<dyn Error>> {
    let body = format!(r#"{{"SecretId":"{id}"}}"#);
    let kind = "application/x-amz-json-1.1";
    let target = "secretsmanager.GetSecretValue";
    let answer = call(
        "secretsmanager",
        "SECRETS_MANAGER",
        kind,
        Some(target),
        &body,
        tls,
    )?;
    let text = json::text(&answer, "SecretString").ok_or("a secret without SecretString")?;
    let text = json::unescaped(text);
    Ok(json::text(&text, "clientSecret").map_or(text.clone(), str::to_owned))
}

/// The token by which AWS vouches for the function's role.
pub fn vouched(tls: &Arc<ClientConfig>) -> Result<String, Box<dyn Error>> {
    let body = "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=api%3A%2F%2FAzureADTokenExchange\
                &SigningAlgorithm=RS256&DurationSeconds=300";
    let answer = call(
        "sts",
        "STS",
        "application/x-www-form-urlencoded",
        None,
        body,
        tls,
    )?;
    let token = answer.split_once("<WebIdentityToken>");
    let token = token.and_then(|(_, rest)| rest.split_once("</WebIdentityToken>"));
    Ok(token
        .ok_or("an answer of STS without WebIdentityToken")?
        .0
        .to_owned())
}

fn call(
    service: &str,
    name: &str,
    kind: &str,
    target: Option<&str>,
    body: &str,
    tls: &Arc<ClientConfig>,
) -> Result<String, Box<dyn Error>> {
    let region = variable("AWS_REGION")?;
    let url = variable(&format!("AWS_ENDPOINT_URL_{name}"))
        .or_else(|_| variable("AWS_ENDPOINT_URL"))
        .unwrap_or_else(|_| format!("https://{service}.{region}.amazonaws.com"));
    let mut host = Host::of(&url, tls)?;

    let since = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let time = timestamp(since);
    let day = &time[..8];
    // In the order of their names, as the signature wants them.
    let mut headers = vec![
        ("content-type", kind.to_owned()),
        ("host", host.authority.clone()),
        ("x-amz-date", time.clone()),
    ];
    if let Ok(token) = env::var("AWS_SESSION_TOKEN") {
        headers.push(("x-amz-security-token", token));
    }
    if let Some(target) = target {
        headers.push(("x-amz-target", target.to_owned()));
    }
    let text = |end| {
        headers
            .iter()
            .map(move |(name, value)| format!("{name}:{value}{end}"))
    };
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let canonical: String = text("\n").collect();
    let canonical = format!("POST\n/\n\n{canonical}\n{names}\n{}", hash(body));
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(&canonical));

    let mut key = format!("AWS4{}", variable("AWS_SECRET_ACCESS_KEY")?).into_bytes();
    for part in [day, &region, service, "aws4_request"] {
        key = sign(&Key::new(HMAC_SHA256, &key), part.as_bytes())
            .as_ref()
            .to_vec();
    }
    let signature = hex(sign(&Key::new(HMAC_SHA256, &key), to_sign.as_bytes()).as_ref());
    let id = variable("AWS_ACCESS_KEY_ID")?;
    let plain: String = text("\r\n").collect();
    let length = body.len();
    let request = format!(
        "POST / HTTP/1.1\r\n{plain}content-length: {length}\r\nauthorization: AWS4-HMAC-SHA256 Credential={id}/{scope}, \
         SignedHeaders={names}, Signature={signature}\r\n\r\n{body}"
    );
    let head = host.ask(request.as_bytes())?;
    let mut answer = Vec::new();
    host.read(&head, &mut answer)?;
    Ok(String::from_utf8(answer)?)
}

fn hash(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20261121T153000Z` of seconds since 1970. Days to dates: <https://howardhinnant.github.io/date_algorithms.html>.
fn timestamp(since: u64) -> String {
    let (days, second) = (since / 86_400 + 719_468, since % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(timestamp(0), "19700101T000000Z");
        assert_eq!(timestamp(951_782_399), "20000228T235959Z");
        assert_eq!(timestamp(951_782_400), "20000229T000000Z");
        assert_eq!(timestamp(1_795_273_199), "20261121T145959Z");
    }
}
