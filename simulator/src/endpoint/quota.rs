//! The calls that the Endpoint API allows, as its refusals put them. Nothing is counted: a 429 comes only as a fault.

/// Ends of paths in lower case, and how many calls a minute they take.
const PER_MINUTE: &[(&str, u32)] = &[
    ("/getpackageuri", 2),
    ("/alerts/batchupdate", 10),
    ("/runliveresponse", 10),
    ("/alerts/createalertbyreference", 15),
    ("/indicators/import", 30),
    ("/indicators/batchdelete", 30),
];
const USUAL: u32 = 100;

/// The message of a 429 for this path.
pub(crate) fn message(path: &str) -> String {
    let path = path.to_ascii_lowercase();
    let special = PER_MINUTE.iter().find(|(end, _)| path.ends_with(end));
    let most = special.map_or(USUAL, |(_, most)| *most);
    format!("API calls quota exceeded! maximum allowed {most} per 00:01:00")
}
