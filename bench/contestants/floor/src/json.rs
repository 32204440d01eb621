//! JSON by looking for bytes: good for what the bench sends, wrong for much else.

/// The string of that name as it is written, escapes included.
pub fn text<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let rest = after(json, name)?.strip_prefix('"')?;
    let mut escaped = false;
    let end = rest.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    })?;
    Some(&rest[..end])
}

/// The whole number of that name.
pub fn number(json: &str, name: &str) -> Option<u64> {
    let rest = after(json, name)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Without the escapes of quotes and backslashes.
pub fn unescaped(text: &str) -> String {
    text.replace("\\\"", "\"").replace("\\\\", "\\")
}

fn after<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = json;
    loop {
        let (_, found) = rest.split_once(name)?;
        if let Some(value) = found.strip_prefix("\":") {
            return Some(value.trim_start());
        }
        rest = found;
    }
}

/// Where the items of a page begin and end, and the path of the next page's link.
pub fn page(page: &[u8]) -> Option<(usize, usize, Option<String>)> {
    const ITEMS: &[u8] = b"\"value\":[";
    let start = page.windows(ITEMS.len()).position(|some| some == ITEMS)? + ITEMS.len();
    let end = page.iter().rposition(|&byte| byte == b']')?;
    // The link is before the items or behind them.
    let link = [&page[..start], &page[end..]].into_iter().find_map(|part| {
        let link = text(std::str::from_utf8(part).ok()?, "@odata.nextLink")?;
        let (_, path) = link.strip_prefix("https://")?.split_once('/')?;
        Some(format!("/{path}"))
    });
    Some((start, end, link))
}
