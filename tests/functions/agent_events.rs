//! How `call_tool` goes on when Lambda, or the way to it, fails.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::json;
use simulator::Simulator;

use crate::agents::{agents, call, shown};

/// Reads one request: its path, without what all have before it.
fn read(stream: &TcpStream) -> String {
    let mut request = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    request.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        request.read_line(&mut line).unwrap();
        match line.to_ascii_lowercase().split_once(':') {
            Some(("content-length", number)) => length = number.trim().parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    request.read_exact(&mut vec![0; length]).unwrap();
    let path = first.split(' ').nth(1).unwrap();
    path.rsplit("/invocation/").next().unwrap().to_owned()
}

/// Plays Lambda: the first who asks for an event is turned away, and the reply to the first event is cut off.
fn play(lambda: &TcpListener) -> Vec<String> {
    let mut asked = 0;
    let mut replies = Vec::new();
    let mut waiting = Vec::new();
    while replies.len() < 2 {
        let (mut stream, _) = lambda.accept().unwrap();
        let path = read(&stream);
        if path != "next" {
            replies.push(path);
            continue;
        }
        asked += 1;
        let answer = match asked {
            1 => "HTTP/1.1 500 Internal Server Error\r\n".to_owned(),
            2 | 3 => format!("HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: {asked}\r\n"),
            _ => {
                waiting.push(stream);
                continue;
            }
        };
        write!(
            stream,
            "{answer}connection: close\r\ncontent-length: 2\r\n\r\n{{}}"
        )
        .unwrap();
    }
    replies
}

/// The process, which ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn one_failure_of_lambda_ends_neither_the_others_nor_what_follows() {
    let simulator = Simulator::start();
    let lambda = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = lambda.local_addr().unwrap().to_string();
    let child = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .envs(simulator.environment())
        .env("_HANDLER", "call_tool")
        .env("AWS_LAMBDA_MAX_CONCURRENCY", "2")
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let (done, played) = mpsc::channel();
    thread::spawn(move || done.send(play(&lambda)));
    let replies = loop {
        match played.recv_timeout(Duration::from_millis(50)) {
            Ok(replies) => break replies,
            Err(_) => assert_eq!(process.0.try_wait().unwrap(), None, "it ended"),
        }
    };
    // Neither says which tool it is.
    assert_eq!(replies, ["2/error", "3/error"]);
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_calls() {
    let simulator = Simulator::start();
    let proxy = "http://127.0.0.1:9";
    let function = agents(&simulator)
        .envs([("HTTP_PROXY", proxy), ("http_proxy", proxy)])
        .start()
        .unwrap();
    // What is refused asks nobody elsewhere, whom the proxy would be for.
    let answer = call(&function, "a___update_incident", json!({})).await;
    assert_eq!(shown(&answer)["code"], "Refused");
}
