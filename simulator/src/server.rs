//! The listener: connections in, requests logged and answered, on one thread with its own runtime.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::access::concerns_tenant;
use crate::answer::AnswerBody;
use crate::control;
use crate::request::Request;
use crate::state::State;
use crate::strike::{self, Outcome};
use crate::time;

pub(crate) type Shared = Arc<Mutex<State>>;

/// The state, even if a test panicked while it held the lock.
pub(crate) fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until `stop` is sent or dropped.
pub(crate) fn spawn(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    state: Shared,
    stop: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("simulator".into())
        .spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                    return;
                };
                tokio::select! {
                    _ = stop => {}
                    () = accept(listener, tls, state) => {}
                }
            });
        })
}

async fn accept(listener: tokio::net::TcpListener, tls: Option<TlsAcceptor>, state: Shared) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Without this a small answer waits for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let (tls, state) = (tls.clone(), state.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(stream, state).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, state: Shared) {
    let service = service_fn(move |request| serve(state.clone(), request));
    // A connection ends in an error whenever a fault or the client breaks it.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn serve(
    state: Shared,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<AnswerBody>, io::Error> {
    let request = read(request).await.map_err(io::Error::other)?;
    let outcome = decide(&state, request);
    let answer = match outcome {
        Outcome::Answer(answer) => answer,
        Outcome::AnswerAfter(delay, answer) => {
            tokio::time::sleep(delay).await;
            answer
        }
        Outcome::Hang => match std::future::pending::<Infallible>().await {},
        Outcome::Drop => return Err(io::Error::other("dropped as asked")),
    };
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(answer.body).map_err(io::Error::other)
}

fn decide(state: &Shared, request: Request) -> Outcome {
    let state = &mut *lock(state);
    state.settle();
    if request.path.starts_with("/_simulator") {
        return Outcome::Answer(control::answer(state, &request));
    }
    let concerns = |id: &str| concerns_tenant(&state.tenants, &state.key, &request, id);
    let fault = state.faults.meet(&request, concerns);
    let mut outcome = strike::outcome(state, &request, fault);
    if let Outcome::Answer(answer) | Outcome::AnswerAfter(_, answer) = &mut outcome {
        // By the same clock as every instant in the answers.
        answer.set_header("date", time::format_http(state.clock.now()));
    }
    state.requests.push(request);
    outcome
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, hyper::Error> {
    let (head, body) = request.into_parts();
    let query_string = head.uri.query().unwrap_or_default().to_owned();
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    };
    Ok(Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: form_urlencoded::parse(query_string.as_bytes())
            .into_owned()
            .collect(),
        query_string,
        headers: head.headers.iter().map(header).collect(),
        body: body.collect().await?.to_bytes().to_vec(),
    })
}
