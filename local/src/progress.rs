//! A line about an invocation that takes long, for whoever watches.

use std::time::{Duration, Instant};

use local::runtime_api::Function;

use crate::terminal;

/// How long an invocation takes before anything is said.
const PATIENCE: Duration = Duration::from_secs(1);
const PERIOD: Duration = Duration::from_millis(250);

/// Says how long it takes and what was sent, until it is dropped. Never ends by itself.
pub async fn show(operation: &str, function: &Function) {
    let started = Instant::now();
    tokio::time::sleep(PATIENCE).await;
    let _line = Line;
    loop {
        let so_far = sent(&function.logs());
        let seconds = started.elapsed().as_secs();
        terminal::progress(format_args!("{operation}: {seconds} s{so_far}"));
        tokio::time::sleep(PERIOD).await;
    }
}

/// The line, which goes when there is an outcome.
struct Line;

impl Drop for Line {
    fn drop(&mut self) {
        terminal::progress(format_args!(""));
    }
}

/// What the function's log tells of its requests.
fn sent(logs: &str) -> String {
    let requests = logs.lines().filter(|line| line.contains("sent a request"));
    let (mut all, mut throttled) = (0, 0);
    for line in requests {
        all += 1;
        throttled += usize::from(line.contains("status=429"));
    }
    let requests = match all {
        0 => return String::new(),
        1 => "1 request answered".to_owned(),
        all => format!("{all} requests answered"),
    };
    match throttled {
        0 => format!(", {requests}"),
        _ => format!(", {requests}, {throttled} of them throttled"),
    }
}

#[cfg(test)]
mod tests {
    use super::sent;

    #[test]
    fn requests_are_counted_from_the_log() {
        assert_eq!(sent("INFO something else\n"), "");
        let one = "DEBUG sent a request service=\"graph\" status=200\n";
        assert_eq!(sent(one), ", 1 request answered");
        let more = format!("{one}DEBUG sent a request service=\"graph\" status=429\n");
        assert_eq!(sent(&more), ", 2 requests answered, 1 of them throttled");
    }
}
