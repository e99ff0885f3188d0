//! Connections that report a broken connection as an error.
//!
//! A response without a length ends when the server closes the connection. The HTTP library also accepts a reset
//! connection, or TLS without a close notification, as this end. A truncated file would then pass as complete.
//!
//! The transport also puts the whole URL into requests to a proxy.

use std::io::{Error as IoError, ErrorKind};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport};

/// Connects as the HTTP library does, and distinguishes a broken connection from a closed one.
#[derive(Debug, Default)]
pub struct CheckedConnector {
    library: DefaultConnector,
    /// The text before the path in a request to a proxy: `http://host`.
    origin: Option<String>,
}

impl CheckedConnector {
    /// Creates a connector to a proxy that expects the whole URL in the request.
    pub fn through_proxy(origin: String) -> Self {
        Self { origin: Some(origin), ..Self::default() }
    }
}

impl Connector for CheckedConnector {
    type Out = CheckedTransport;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<CheckedTransport>, Error> {
        let inner = self.library.connect(details, chained)?;
        Ok(inner.map(|inner| CheckedTransport { inner, origin: self.origin.clone() }))
    }
}

/// A connection that reports a break as an error.
#[derive(Debug)]
pub struct CheckedTransport {
    inner: Box<dyn Transport>,
    /// The text to insert before the path of the request; taken when the request is written.
    origin: Option<String>,
}

impl Transport for CheckedTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let Some(origin) = self.origin.take() else { return self.inner.transmit_output(amount, timeout) };
        let output = self.inner.buffers().output();
        let method = output[..amount].iter().position(|byte| *byte == b' ').map_or(0, |blank| blank + 1);
        let (end, longer) = (method + origin.len(), amount + origin.len());
        if longer > output.len() {
            return Err(Error::Io(IoError::new(ErrorKind::InvalidInput, "the request is too long")));
        }
        output.copy_within(method..amount, end);
        output[method..end].copy_from_slice(origin.as_bytes());
        self.inner.transmit_output(longer, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout).map_err(|error| match error {
            Error::Io(error) if is_break(error.kind()) => {
                Error::Io(IoError::new(ErrorKind::BrokenPipe, "connection closed"))
            }
            other => other,
        })
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Returns true if the HTTP library would accept this error as the end of a response.
fn is_break(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}
