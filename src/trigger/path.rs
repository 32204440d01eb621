//! What a request's path and query string hold.

use percent_encoding::percent_decode_str;

/// What a path like `/any/prefix/incidents/28281` holds by the route `/incidents/{id}`; nothing where it does not end like the route.
pub fn path_parameters<'a>(route: &'a str, path: &str) -> Vec<(&'a str, String)> {
    let (mut parts, mut found) = (path.trim_end_matches('/').rsplit('/'), Vec::new());
    for expected in route.rsplit('/').filter(|part| !part.is_empty()) {
        let part = parts.next().unwrap_or_default();
        match expected
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) if !part.is_empty() => found.push((name, decode(&part.replace('+', "%2B")))),
            None if part == expected => {}
            _ => return Vec::new(),
        }
    }
    found
}

/// The pairs of a query string as it was sent.
pub fn decode_query(raw: &str) -> Vec<(String, String)> {
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

pub fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_by_the_operations_route() {
        let found = |path: &str| path_parameters("/incidents/{id}/comments", path);
        let id = vec![("id", "28281".to_owned())];
        for path in [
            "/incidents/28281/comments",
            "/defender/incidents/28281/comments/",
        ] {
            assert_eq!(found(path), id);
        }
        assert_eq!(
            path_parameters("/alerts/{id}", "/alerts/a%2Bb+c"),
            [("id", "a+b+c".to_owned())]
        );
        for path in [
            "/",
            "",
            "/incidents/28281",
            "/incidents//comments",
            "/alerts/28281/comments",
        ] {
            assert!(found(path).is_empty(), "{path}");
        }
    }

    #[test]
    fn queries_are_decoded_once() {
        assert_eq!(
            decode_query("filter=status%20eq%20'a'&q=a+b%2Bc&flag&x=%25"),
            [
                ("filter", "status eq 'a'"),
                ("q", "a b+c"),
                ("flag", ""),
                ("x", "%")
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert!(decode_query("").is_empty());
    }
}
