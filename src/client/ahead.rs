//! A connection that is made before there is something to send.

use std::{
    any::Any,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use hyper::rt::{Read, ReadBuf};
use tokio::{sync::oneshot, task::JoinHandle};
use tower_layer::Layer;
use tower_service::Service;

use super::connect::CONNECT;

/// The longest that whoever needs a connection waits for this one, before making another.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Where the connection waits for the first request. A client with this layer connects to one origin only.
#[derive(Clone)]
pub struct Ahead {
    state: Arc<Mutex<State>>,
    /// A connection that has waited longer is not used.
    longest: Duration,
}

enum State {
    /// Connections are made when they are needed.
    Idle,
    /// The next one is made now, for later.
    Wanted,
    Made(Waiting),
}

struct Waiting {
    outcome: oneshot::Receiver<Box<dyn Any + Send>>,
    making: Option<JoinHandle<()>>,
    /// By the wall clock: it is in dispute whether the monotonic one goes on while Lambda freezes the process.
    since: SystemTime,
}

/// Whether `since` is no longer ago than `longest`.
pub fn is_within(longest: Duration, since: SystemTime) -> bool {
    since.elapsed().is_ok_and(|age| age < longest)
}

impl Ahead {
    /// The first connection will outlast whoever asks for it, and wait for so long at most.
    pub fn new(longest: Duration) -> Self {
        let state = Arc::new(Mutex::new(State::Wanted));
        Self { state, longest }
    }

    /// Returns when the connection is made or has failed.
    pub async fn made(&self) {
        let making = match &mut *self.lock() {
            State::Made(waiting) => waiting.making.take(),
            State::Idle | State::Wanted => None,
        };
        if let Some(making) = making {
            let _ = making.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    S::Response: Read + Unpin + Send + 'static,
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
        match std::mem::replace(&mut *state, State::Idle) {
            State::Idle => Box::pin(self.inner.call(to)),
            State::Wanted => {
                let connecting = tokio::time::timeout(CONNECT, self.inner.call(to));
                let (made, outcome) = oneshot::channel::<Box<dyn Any + Send>>();
                let making = tokio::spawn(async move {
                    // What goes wrong before anybody asks may go right then.
                    if let Ok(Ok(connection)) = connecting.await {
                        let _ = made.send(Box::new(connection));
                    }
                });
                *state = State::Made(Waiting {
                    outcome,
                    making: Some(making),
                    since: SystemTime::now(),
                });
                Box::pin(std::future::pending())
            }
            State::Made(waiting) => {
                drop(state);
                let (another, longest) = (self.inner.call(to), self.ahead.longest);
                Box::pin(async move {
                    match waiting.alive(longest).await {
                        Some(connection) => Ok(connection),
                        None => another.await,
                    }
                })
            }
        }
    }
}

impl Waiting {
    /// The connection, if it is not too old and the other end has not closed it.
    async fn alive<C: Read + Unpin + 'static>(self, longest: Duration) -> Option<C> {
        if !is_within(longest, self.since) {
            return None;
        }
        let outcome = tokio::time::timeout(PATIENCE, self.outcome).await.ok()?;
        let mut connection: Box<C> = outcome.ok()?.downcast().ok()?;
        // Nobody has asked anything, so that whatever can be read is its end.
        let is_silent = |context: &mut Context<'_>| {
            let mut room = [0];
            let mut read = ReadBuf::new(&mut room);
            Poll::Ready(
                Pin::new(&mut *connection)
                    .poll_read(context, read.unfilled())
                    .is_pending(),
            )
        };
        poll_fn(is_silent).await.then_some(*connection)
    }
}
