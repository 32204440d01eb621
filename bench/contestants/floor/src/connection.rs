//! HTTP/1.1 over a connection that is kept: requests are text, heads are read by the line, bodies are handed on as they come.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    client::Resumption,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::TLS13,
};

use crate::variable;

/// What is read and written, with or without TLS.
trait Wire: BufRead + Write {}

impl Wire for StreamOwned<ClientConnection, Plain> {}

/// What one read takes from a connection with TLS at most, in bytes: rustls itself asks for 4,096 at a time.
const READ: usize = 64 * 1024;

/// Without TLS, or below it.
struct Plain(BufReader<TcpStream>);

impl Wire for Plain {}

impl Read for Plain {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl BufRead for Plain {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.0.consume(count);
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The side of TLS that all connections share: version 1.3, ring, and the roots in the PEM file that `SSL_CERT_FILE` names.
pub fn tls() -> Result<Arc<ClientConfig>, Box<dyn std::error::Error>> {
    let pem = fs::read(variable("SSL_CERT_FILE")?)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// A host and the connection to it, if there is one.
pub struct Host {
    /// `host:port`.
    pub authority: String,
    /// None: plain HTTP.
    tls: Option<Arc<ClientConfig>>,
    wire: Option<Box<dyn Wire>>,
}

/// The head of an answer.
pub struct Head {
    pub status: u16,
    /// None: in chunks.
    pub length: Option<usize>,
    /// `Lambda-Runtime-Aws-Request-Id`.
    pub event: Option<String>,
}

impl Host {
    pub fn plain(authority: String) -> Self {
        Self {
            authority,
            tls: None,
            wire: None,
        }
    }

    /// The host of `https://host:port`.
    pub fn of(url: &str, tls: &Arc<ClientConfig>) -> Result<Self, String> {
        let authority = url.strip_prefix("https://");
        let authority = authority.ok_or_else(|| format!("{url} does not begin with https://"))?;
        let authority = authority.trim_end_matches('/');
        Ok(Self {
            authority: match authority.contains(':') {
                true => authority.to_owned(),
                false => format!("{authority}:443"),
            },
            tls: Some(Arc::clone(tls)),
            wire: None,
        })
    }

    /// Sends a request and reads the head of its answer; over a new connection where the kept one turns out to be closed.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Head> {
        if let Some(wire) = &mut self.wire
            && let Ok(head) = wire.write_all(request).and_then(|()| head(wire))
        {
            return Ok(head);
        }
        let wire = self.connect()?;
        let wire = self.wire.insert(wire);
        wire.write_all(request)?;
        head(wire)
    }

    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let stream = TcpStream::connect(&self.authority)?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(Plain(BufReader::new(stream))));
        };
        let name = self.authority.split(':').next().unwrap_or_default();
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let tls = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        let stream = Plain(BufReader::with_capacity(READ, stream));
        Ok(Box::new(StreamOwned::new(tls, stream)))
    }

    /// Hands the body on, piece by piece, as it comes.
    pub fn pass(
        &mut self,
        head: &Head,
        mut to: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let wire = self.wire.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        if let Some(length) = head.length {
            return pass(wire, length, &mut to);
        }
        loop {
            let size = usize::from_str_radix(line(wire)?.trim(), 16).map_err(io::Error::other)?;
            pass(wire, size, &mut to)?;
            line(wire)?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// The whole body, behind what is there already. A status other than 2xx is an error with the body's beginning.
    pub fn read(&mut self, head: &Head, into: &mut Vec<u8>) -> io::Result<()> {
        let start = into.len();
        into.reserve(head.length.unwrap_or_default());
        self.pass(head, |piece| {
            into.extend_from_slice(piece);
            Ok(())
        })?;
        match head.status {
            200..300 => Ok(()),
            status => {
                let said = String::from_utf8_lossy(&into[start..]).into_owned();
                let authority = &self.authority;
                Err(io::Error::other(format!(
                    "{authority} answered {status}: {said}"
                )))
            }
        }
    }

    /// Writes what belongs to a request whose answer is still to be read by [`Host::answer`].
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let wire = self.wire.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        wire.write_all(bytes)
    }

    /// The head of the answer to what was written.
    pub fn answer(&mut self) -> io::Result<Head> {
        head(self.wire.as_mut().ok_or(io::ErrorKind::NotConnected)?)
    }
}

fn pass(
    wire: &mut Box<dyn Wire>,
    mut left: usize,
    to: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    while left > 0 {
        let piece = wire.fill_buf()?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = piece.len().min(left);
        to(&piece[..count])?;
        wire.consume(count);
        left -= count;
    }
    Ok(())
}

fn head(wire: &mut Box<dyn Wire>) -> io::Result<Head> {
    let first = line(wire)?;
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("an answer that is not HTTP/1.1"))?;
    let (mut length, mut event) = (Some(0), None);
    loop {
        let line = line(wire)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok(Head {
                status,
                length,
                event,
            });
        };
        match name {
            name if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()
            }
            name if name.eq_ignore_ascii_case("transfer-encoding") => length = None,
            name if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") => {
                event = Some(value.trim().to_owned());
            }
            _ => {}
        }
    }
}

fn line(wire: &mut Box<dyn Wire>) -> io::Result<String> {
    let mut line = String::new();
    match wire.read_line(&mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}
