//! An HTTP gateway on loopback: the routes of the operations' table, as API Gateway's HTTP API serves them, each
//! answered by a process of its own.
//!
//! Unlike the deployed gateway it asks for no authorisation, and a function has one environment: requests for the same
//! operation are served one after another.

mod body;
mod event;
mod functions;
mod reply;
mod route;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

pub use functions::Functions;
use reply::Reply;
use route::{Route, find};

use crate::own_thread;

/// The largest request body that an HTTP API takes, in bytes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// How long requests under way may take to finish once the gateway is dropped.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// A running gateway. Dropping it lets requests under way finish for a moment, then ends every function.
pub struct Gateway {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Listens on 127.0.0.1 at `port`, or at a free one if it is 0. Functions are started when first asked for.
    pub fn start(functions: Functions, port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        let thread = own_thread::spawn("gateway".to_owned(), move || {
            Ok(serve(
                TcpListener::from_std(listener)?,
                Arc::new(functions),
                stopped,
            ))
        })?;
        Ok(Self {
            url,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens: `http://127.0.0.1:3000`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: TcpListener,
    functions: Arc<Functions>,
    mut stopped: oneshot::Receiver<()>,
) {
    let connections = GracefulShutdown::new();
    loop {
        let (stream, caller) = tokio::select! {
            connection = listener.accept() => match connection {
                Ok(connection) => connection,
                Err(_) => continue,
            },
            _ = &mut stopped => break,
        };
        let functions = Arc::clone(&functions);
        let service = service_fn(move |request| answer(request, caller, Arc::clone(&functions)));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    let _ = timeout(LAST_REQUESTS, connections.shutdown()).await;
}

async fn answer(
    request: Request<Incoming>,
    caller: SocketAddr,
    functions: Arc<Functions>,
) -> Result<Reply, Infallible> {
    let start = Instant::now();
    let line = format!("{} {}", request.method(), request.uri());
    let (reply, why) = match find(request.method(), request.uri().path()) {
        Some((route, parameters)) => invoke(request, caller, route, parameters, &functions).await,
        None if request.uri().path() == "/" && request.method() == Method::GET => {
            (reply::listing(&request), None)
        }
        None => (reply::message(StatusCode::NOT_FOUND, "Not Found"), None),
    };
    let took = start.elapsed().as_millis();
    functions.note(format_args!("{line} {} {took} ms", reply.status().as_u16()));
    if let Some(why) = why {
        functions.note(format_args!("{why}"));
    }
    Ok(reply)
}

/// The reply, and, when the function failed, why: that is for the terminal, not for the caller.
async fn invoke(
    request: Request<Incoming>,
    caller: SocketAddr,
    route: Route,
    parameters: Vec<(&str, String)>,
    functions: &Functions,
) -> (Reply, Option<String>) {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return (
            reply::message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            None,
        );
    };
    let mut event = event::http_api(&head, &body.to_bytes(), caller, &route, &parameters);
    match functions.get(route.operation) {
        Ok(function) if functions.stream() => {
            // An HTTP API cannot stream: this is a function URL then.
            event["requestContext"]["domainName"] = "local.lambda-url.us-east-1.on.aws".into();
            reply::from_stream(function.stream(event.to_string())).await
        }
        Ok(function) => reply::from_outcome(function.invoke(event.to_string()).await),
        Err(error) => (
            reply::message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Some(error.to_string()),
        ),
    }
}
