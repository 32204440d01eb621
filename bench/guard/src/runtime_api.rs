//! The Lambda Runtime API on loopback: hands out the same event so many times, then lets the function wait.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::http;
use crate::pace::Pace;

/// How long an invocation may take: valgrind is slow.
const TIMEOUT: Duration = Duration::from_secs(600);

/// What is asked of the function, and what its answer must hold.
#[derive(Clone, Copy)]
pub struct Work {
    pub handler: &'static str,
    pub event: &'static str,
    /// A text, and how often it stands in a right answer.
    pub proof: (&'static str, usize),
}

/// What the function has come to.
pub enum News {
    /// It has answered all events, and waits for the next one.
    Waits,
    /// It did not answer as it should.
    Wrong(String),
}

/// Serves one process until this one ends; says where.
pub fn start(work: Work, events: usize, pace: Pace, news: Sender<News>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let left = Arc::new(AtomicUsize::new(events));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (left, pace, news) = (Arc::clone(&left), pace.clone(), news.clone());
            thread::spawn(move || serve(stream, work, &left, &pace, &news));
        }
    });
    Ok(address)
}

fn serve(
    mut stream: TcpStream,
    work: Work,
    left: &AtomicUsize,
    pace: &Pace,
    news: &Sender<News>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Once the other end of the news is gone, the process is as well.
    while let Some(request) = http::read(&mut stream)? {
        if request.line.ends_with("/invocation/next") {
            let one_less = |left: usize| left.checked_sub(1);
            if left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
                .is_err()
            {
                let _ = news.send(News::Waits);
                continue;
            }
            pace.send(&mut stream, &event(work.event))?;
            continue;
        }
        let body = String::from_utf8_lossy(&request.body);
        let (proof, times) = work.proof;
        if !request.line.ends_with("/response") || body.matches(proof).count() != times {
            let start: String = body.chars().take(500).collect();
            let _ = news.send(News::Wrong(format!("{}: {start}", request.line)));
        }
        pace.send(
            &mut stream,
            &http::response("202 Accepted", &[], "{\"status\":\"OK\"}\n"),
        )?;
    }
    Ok(())
}

fn event(event: &str) -> Vec<u8> {
    let deadline = SystemTime::now() + TIMEOUT;
    let deadline = deadline
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let headers = [
        (
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        ),
        (
            "lambda-runtime-deadline-ms",
            &*deadline.as_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:111122223333:function:guarded",
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        ),
    ];
    http::response("200 OK", &headers, event)
}
