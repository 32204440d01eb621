//! Entra, Graph, the Endpoint API and AWS, as far as the jobs need them: canned answers over TLS, counted.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::canned::{self, Incidents};
use crate::loopback::Loopback;
use crate::own_thread;

/// What a contestant has asked of the upstream so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub connections: u64,
    pub tokens: u64,
    /// All requests, those for tokens included.
    pub requests: u64,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    tokens: AtomicU64,
    requests: AtomicU64,
}

/// The services, each at a port of its own on loopback.
pub struct Upstream {
    pub ports: Ports,
    counts: Arc<Counts>,
}

/// Where contestants reach the services.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Entra ID.
    pub login: u16,
    /// Graph and the Endpoint API.
    pub api: u16,
    /// Secrets Manager and STS.
    pub aws: u16,
}

impl Upstream {
    /// Listens. `public` says at which port contestants reach each of these.
    pub fn start(
        tls: Arc<ServerConfig>,
        public: impl Fn(u16) -> io::Result<u16>,
    ) -> io::Result<Self> {
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        let listeners = [Loopback::bind()?, Loopback::bind()?, Loopback::bind()?];
        let [login, api, aws] = listeners.each_ref().map(|listener| public(listener.port));
        let (login, api, aws) = (login?, api?, aws?);
        let link = format!("https://localhost:{api}/v1.0/security/incidents");
        own_thread::spawn("upstream", async move {
            let service = Arc::new(Service {
                counts: counted,
                link,
                incidents: Incidents::make(),
                pages: Mutex::default(),
                buffered: canned::hunt(canned::ROWS_BUFFERED),
                streamed: canned::hunt(canned::ROWS_STREAMED),
                token: canned::token(),
                secret: canned::secret(),
                vouched: canned::vouched(),
                isolation: Mutex::default(),
            });
            let acceptor = TlsAcceptor::from(tls);
            for listener in listeners {
                let (acceptor, service) = (acceptor.clone(), Arc::clone(&service));
                let accepting = listener.accept(move |stream| {
                    service.counts.connections.fetch_add(1, Relaxed);
                    tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&service)));
                });
                accepting.expect("a port that is bound can be listened at");
            }
            std::future::pending().await
        })?;
        let ports = Ports { login, api, aws };
        Ok(Self { ports, counts })
    }

    /// What was asked since the last time this was called.
    pub fn asked(&self) -> Asked {
        Asked {
            connections: self.counts.connections.swap(0, Relaxed),
            tokens: self.counts.tokens.swap(0, Relaxed),
            requests: self.counts.requests.swap(0, Relaxed),
        }
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, service: Arc<Service>) {
    // Who breaks off is killed at the end of a round.
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { service.answer(request).await }
    });
    let stream = TokioIo::new(stream);
    if is_h2 {
        let mut h2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        h2.max_send_buf_size(1024 * 1024);
        let _ = h2.serve_connection(stream, answer).await;
    } else {
        let http = hyper::server::conn::http1::Builder::new();
        let _ = http.serve_connection(stream, answer).await;
    }
}

struct Service {
    counts: Arc<Counts>,
    /// The address of the incidents.
    link: String,
    incidents: Incidents,
    /// Pages that were asked for before, by their query.
    pages: Mutex<HashMap<String, Bytes>>,
    buffered: Bytes,
    streamed: Bytes,
    token: Bytes,
    secret: Bytes,
    vouched: Bytes,
    /// The last isolation that was asked for.
    isolation: Mutex<String>,
}

impl Service {
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        self.counts.requests.fetch_add(1, Relaxed);
        let (head, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return Ok(refused(StatusCode::BAD_REQUEST, "the body broke off")),
        };
        let path = head.uri.path();
        if path.ends_with("/oauth2/v2.0/token") {
            self.counts.tokens.fetch_add(1, Relaxed);
            return Ok(json(self.token.clone()));
        }
        if !head.headers.contains_key(AUTHORIZATION) {
            let said = "there is no Authorization header: send a token, or sign the request";
            return Ok(refused(StatusCode::UNAUTHORIZED, said));
        }
        let query = head.uri.query().unwrap_or_default();
        Ok(match (&head.method, path) {
            (&Method::GET, "/v1.0/security/incidents") => json(self.page(query)),
            (&Method::POST, "/v1.0/security/runHuntingQuery") => {
                json(match contains(&body, b"take 100000") {
                    true => self.streamed.clone(),
                    false => self.buffered.clone(),
                })
            }
            (&Method::GET, "/api/machineactions") => json(self.actions(query)),
            (&Method::POST, path) if path.ends_with("/isolate") => {
                let isolation = canned::isolation(comment(&body));
                lock(&self.isolation).clone_from(&isolation);
                let mut response = json(isolation.into());
                *response.status_mut() = StatusCode::CREATED;
                response
            }
            (&Method::POST, "/") if head.headers.contains_key("x-amz-target") => {
                json(self.secret.clone())
            }
            (&Method::POST, "/") => {
                let mut response = json(self.vouched.clone());
                let xml = HeaderValue::from_static("text/xml");
                response.headers_mut().insert(CONTENT_TYPE, xml);
                response
            }
            (method, path) => refused(
                StatusCode::NOT_FOUND,
                &format!("there is no {method} {path}"),
            ),
        })
    }

    /// A page of incidents: from `$skip` on, or from the newest that the filter lets through.
    fn page(&self, query: &str) -> Bytes {
        if let Some(page) = lock(&self.pages).get(query) {
            return page.clone();
        }
        let decoded = percent_decode_str(query)
            .decode_utf8_lossy()
            .replace('+', " ");
        let number = |name: &str| -> Option<usize> {
            let value = decoded
                .split('&')
                .find_map(|pair| pair.strip_prefix(name))?;
            value.parse().ok()
        };
        let top = number("$top=").unwrap_or(50).min(50);
        let bound = decoded.split_once("createdDateTime le ");
        let start = match bound.and_then(|(_, rest)| rest.split([' ', '&']).next()) {
            Some(instant) => self.incidents.created_at_or_before(instant),
            None => 0,
        } + number("$skip=").unwrap_or(0);
        let next = format!("{}?$top={top}&$skip={}", self.link, start + top);
        let more = start + top < canned::INCIDENTS;
        let page = self.incidents.page(start, top, more.then_some(&next));
        lock(&self.pages).insert(query.to_owned(), page.clone());
        page
    }

    /// No actions, unless those since a while ago are asked for: then the last one that was accepted.
    fn actions(&self, query: &str) -> Bytes {
        let action = lock(&self.isolation);
        let seen = match query.contains("creationDateTimeUtc") {
            true => action.as_str(),
            false => "",
        };
        format!(r#"{{"@odata.context":"https://api.security.microsoft.com/api/$metadata#MachineActions","value":[{seen}]}}"#).into()
    }
}

/// The comment of an isolation, still in its JSON escapes.
fn comment(body: &[u8]) -> &str {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let value = text.split_once("\"Comment\"").map_or("", |(_, rest)| rest);
    let value = value.trim_start_matches([':', ' ', '"']);
    value.split_once('"').map_or("", |(comment, _)| comment)
}

fn contains(body: &[u8], wanted: &[u8]) -> bool {
    body.windows(wanted.len()).any(|some| some == wanted)
}

fn json(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn refused(status: StatusCode, said: &str) -> Response<Full<Bytes>> {
    let body = format!(r#"{{"error":{{"code":"bench","message":"{said}"}}}}"#);
    let mut response = json(body.into());
    *response.status_mut() = status;
    response
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
