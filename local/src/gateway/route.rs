//! Finds the operation that a request is for, as an HTTP API matches routes.

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::operations::OPERATIONS;

/// A line of the operations' table, as a route.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub operation: &'static str,
    pub method: &'static str,
    /// `/incidents/{id}`
    pub path: &'static str,
    /// Whether people come to it by a link, and see a page.
    pub page: bool,
}

/// The route for a method and a raw path, and its path parameters decoded. Among several the one with the fewest
/// parameters is meant.
pub(super) fn find(method: &Method, path: &str) -> Option<(Route, Vec<(&'static str, String)>)> {
    let routes = OPERATIONS
        .iter()
        .filter(|entry| entry.method == method.as_str());
    let matching = routes.filter_map(|entry| {
        let route = Route {
            operation: entry.name,
            method: entry.method,
            path: entry.path,
            page: entry.page.is_some(),
        };
        Some((route, parameters(entry.path, path)?))
    });
    matching.min_by_key(|(_, parameters)| parameters.len())
}

fn parameters(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    if template.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut parameters = Vec::new();
    for (expected, segment) in template.split('/').zip(path.split('/')) {
        let segment = percent_decode_str(segment).decode_utf8_lossy();
        match expected
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) if !segment.is_empty() => parameters.push((name, segment.into_owned())),
            None if segment == expected => {}
            _ => return None,
        }
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: Method, path: &str) -> Option<(&'static str, Vec<(&'static str, String)>)> {
        find(&method, path).map(|(route, parameters)| (route.operation, parameters))
    }

    #[test]
    fn a_route_is_found_by_method_and_path() {
        assert_eq!(
            found(Method::GET, "/incidents"),
            Some(("list_incidents", vec![]))
        );
        assert_eq!(
            found(Method::PATCH, "/incidents/7"),
            Some(("update_incident", vec![("id", "7".into())]))
        );
        assert_eq!(
            found(Method::POST, "/incidents/7/comments").unwrap().0,
            "comment_incident"
        );
        for path in [
            "/",
            "/incidents/",
            "/incidents/7/",
            "/incidents/7/alerts",
            "/Incidents",
            "//incidents",
        ] {
            assert_eq!(found(Method::GET, path), None, "{path}");
        }
        assert_eq!(found(Method::DELETE, "/incidents"), None);
    }

    #[test]
    fn path_parameters_are_decoded_and_an_encoded_slash_is_part_of_one() {
        let parameter = |path| found(Method::GET, path).unwrap().1.remove(0).1;
        assert_eq!(parameter("/alerts/da%2F1%20%C3%A5"), "da/1 å");
        assert_eq!(parameter("/alerts/.."), "..");
    }
}
