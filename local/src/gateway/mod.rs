//! An HTTP gateway on loopback: the routes of the operations' table, as API Gateway's HTTP API serves them, each
//! answered by a process of its own.
//!
//! Unlike the deployed gateway it asks for no authorisation, but refuses what other web pages send; and a function has one
//! environment: requests for the same operation are served one after another.

mod body;
mod event;
mod functions;
mod invoke;
mod reply;
mod route;
mod stranger;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

pub use functions::Functions;
pub(crate) use reply::{Reply, problem};
use route::find;

use crate::console::{Console, Place};
use crate::own_thread;

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
        Self::serving(functions, None, port)
    }

    /// [`start`](Self::start), with a console for browsers at the root.
    pub fn with_console(functions: Functions, console: Console, port: u16) -> io::Result<Self> {
        Self::serving(functions, Some(console), port)
    }

    fn serving(functions: Functions, console: Option<Console>, port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        let thread = own_thread::spawn("gateway".to_owned(), move || {
            Ok(serve(
                TcpListener::from_std(listener)?,
                Arc::new(Served { functions, console }),
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

/// What is behind the gateway.
struct Served {
    functions: Functions,
    console: Option<Console>,
}

async fn serve(listener: TcpListener, served: Arc<Served>, mut stopped: oneshot::Receiver<()>) {
    let connections = GracefulShutdown::new();
    loop {
        let (stream, caller) = tokio::select! {
            connection = listener.accept() => match connection {
                Ok(connection) => connection,
                Err(_) => continue,
            },
            _ = &mut stopped => break,
        };
        let served = Arc::clone(&served);
        let service = service_fn(move |request| answer(request, caller, Arc::clone(&served)));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    let _ = timeout(LAST_REQUESTS, connections.shutdown()).await;
}

async fn answer(
    request: Request<Incoming>,
    caller: SocketAddr,
    served: Arc<Served>,
) -> Result<Reply, Infallible> {
    let start = Instant::now();
    let line = format!("{} {}", request.method(), request.uri());
    let found = find(request.method(), request.uri().path());
    let console = served.console.as_ref();
    let console = console.and_then(|console| Some((console, Console::place(&request)?)));

    let opens_page = match (&found, &console) {
        (Some((route, _)), _) => route.page,
        (None, Some((_, place))) => matches!(place, Place::Page),
        (None, None) => false,
    };
    let refusal = stranger::refusal(request.headers(), opens_page);
    let (reply, why) = match (refusal, found, console) {
        (Some(refusal), ..) => {
            let reply = problem(StatusCode::FORBIDDEN, &refusal);
            (reply, Some(refusal))
        }
        (None, Some((route, parameters)), _) => {
            invoke::invoke(request, caller, route, parameters, &served).await
        }
        // The console asks for itself all the time: no line about it.
        (None, None, Some((console, place))) => return Ok(console.answer(place, request).await),
        (None, None, None) if request.uri().path() == "/" && request.method() == Method::GET => {
            (reply::listing(&request), None)
        }
        (None, None, None) => (reply::message(StatusCode::NOT_FOUND, "Not Found"), None),
    };
    let (took, status) = (start.elapsed().as_millis(), reply.status().as_u16());
    let functions = &served.functions;
    functions.note(format_args!("{line} {status} {took} ms"));
    if let Some(why) = why {
        functions.note(format_args!("{why}"));
    }
    Ok(reply)
}
