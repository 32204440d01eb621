//! Tells the requests that other web pages make a browser send. The gateway asks for no authorisation, and may speak for
//! a real tenant: it answers its own console and what is no browser at all, and nobody else.

use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::uri::Authority;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Why a request with these headers is refused, if it is. `page` says that it is for a page which a link from elsewhere may
/// open, such as the console itself.
///
/// A browser says which site a request is from, and a name that an attacker lets resolve to loopback is seen in `Host`. A
/// client such as curl says nothing of the kind.
pub(super) fn refusal(headers: &HeaderMap, page: bool) -> Option<String> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(&HOST);
    if let Some(host) = host
        && !is_loopback(host)
    {
        return Some(format!(
            "The host is {host}, and this gateway answers for 127.0.0.1, [::1] and localhost only. Ask for it by one of these."
        ));
    }
    let opened = page && text(&MODE) == Some("navigate");
    let of_stranger = text(&SITE).is_some_and(|site| !matches!(site, "same-origin" | "none"));
    if of_stranger && !opened {
        return Some(said("Another web site made the browser send this."));
    }
    let own = |origin: &str| origin.strip_prefix("http://") == host;
    match text(&ORIGIN) {
        Some(origin) if !own(origin) && !opened => Some(said(&format!(
            "A web page of {origin} made the browser send this."
        ))),
        _ => None,
    }
}

fn said(who: &str) -> String {
    format!(
        "{who} This gateway answers its own console only, and clients that are no browser, such as curl. Open the console and send it there."
    )
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let by_address = name
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    by_address || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, refusal};

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = lines
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn who_is_no_browser_is_answered_at_loopback() {
        for host in [
            "127.0.0.1:3000",
            "localhost:3000",
            "LOCALHOST",
            "[::1]:3000",
            "127.8.8.8",
        ] {
            assert_eq!(refusal(&headers(&[("host", host)]), false), None, "{host}");
        }
        assert_eq!(refusal(&HeaderMap::new(), false), None);
    }

    #[test]
    fn a_name_that_is_not_loopbacks_is_refused_for_pages_too() {
        for host in [
            "rebound.example",
            "rebound.example:3000",
            "127.0.0.1.rebound.example",
            "10.0.0.1",
            "localhost.example",
            "127.0.0.1@rebound.example",
            "",
        ] {
            assert!(
                refusal(&headers(&[("host", host)]), false).is_some(),
                "{host}"
            );
            assert!(
                refusal(&headers(&[("host", host)]), true).is_some(),
                "{host}"
            );
        }
    }

    #[test]
    fn another_sites_request_is_refused_and_the_consoles_own_is_not() {
        let host = ("host", "127.0.0.1:3000");
        for line in [
            ("sec-fetch-site", "cross-site"),
            // Another port of this machine is somebody else.
            ("sec-fetch-site", "same-site"),
            ("origin", "https://elsewhere.example"),
            ("origin", "http://127.0.0.1:8080"),
            ("origin", "http://localhost:3000"),
            ("origin", "null"),
        ] {
            assert!(
                refusal(&headers(&[host, line]), false).is_some(),
                "{line:?}"
            );
        }
        for line in [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("origin", "http://127.0.0.1:3000"),
        ] {
            assert_eq!(refusal(&headers(&[host, line]), false), None, "{line:?}");
        }
    }

    #[test]
    fn a_link_from_elsewhere_opens_a_page_and_sends_nothing_else() {
        let from = |mode| {
            headers(&[
                ("host", "localhost"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", mode),
            ])
        };
        assert_eq!(refusal(&from("navigate"), true), None);
        assert!(refusal(&from("no-cors"), true).is_some());
        assert!(refusal(&from("navigate"), false).is_some());
    }
}
