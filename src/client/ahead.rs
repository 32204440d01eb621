//! A connection that is made before there is something to send.

use std::{
    any::Any,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tower_layer::Layer;
use tower_service::Service;

use super::connect::CONNECT;

/// A connection that has waited longer may be closed at the other end by now.
const FRESH: Duration = Duration::from_secs(20);

/// The longest that whoever needs a connection waits for this one, before making another.
const PATIENCE: Duration = Duration::from_secs(2);

type Connecting = tokio::task::JoinHandle<Option<Box<dyn Any + Send>>>;

/// Where the connection waits for the first request. A client with this layer connects to one origin only.
#[derive(Clone)]
pub struct Ahead(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    /// Connections are made when they are needed.
    #[default]
    Idle,
    /// The next one is made now, for later.
    Wanted,
    Made(Connecting, Instant),
}

impl Ahead {
    /// The first connection will outlast whoever asks for it.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State::Wanted)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Layer<S> for Ahead {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Connector<S> {
        let ahead = self.clone();
        Connector { inner, ahead }
    }
}

/// reqwest's connector, which uses the connection that waits.
#[derive(Clone)]
pub struct Connector<S> {
    inner: S,
    ahead: Ahead,
}

impl<S, To> Service<To> for Connector<S>
where
    S: Service<To>,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: To) -> Self::Future {
        let mut state = self.ahead.lock();
        match std::mem::take(&mut *state) {
            State::Idle => Box::pin(self.inner.call(to)),
            State::Wanted => {
                let connecting = self.inner.call(to);
                let connecting = tokio::time::timeout(CONNECT, connecting);
                let made = tokio::spawn(async move {
                    let outcome = connecting.await.ok();
                    outcome.map(|outcome| Box::new(outcome) as Box<dyn Any + Send>)
                });
                *state = State::Made(made, Instant::now());
                Box::pin(std::future::pending())
            }
            State::Made(made, since) => {
                drop(state);
                let fresh = self.inner.call(to);
                Box::pin(async move {
                    let waited = match since.elapsed() < FRESH {
                        true => tokio::time::timeout(PATIENCE, made).await.ok(),
                        false => None,
                    };
                    let outcome = waited.and_then(|joined| joined.ok()??.downcast().ok());
                    match outcome.map(|outcome: Box<Result<S::Response, S::Error>>| *outcome) {
                        Some(Ok(connection)) => Ok(connection),
                        // What went wrong before anybody asked may go right now.
                        Some(Err(_)) | None => fresh.await,
                    }
                })
            }
        }
    }
}
