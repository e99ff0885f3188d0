//! The treatment of secrets in printed configurations.

use std::cell::Cell;

use crate::text::secret::{REDACTED, is_partly_redacted, redact_url};

/// The treatment of secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// Secrets are replaced with [`REDACTED`].
    #[default]
    Redacted,
    /// Secrets are printed, so that the output can be applied.
    Shown,
}

/// Redacts secrets, and records whether there were any.
pub(super) struct Redactor {
    secrets: Secrets,
    any: Cell<bool>,
}

impl Redactor {
    pub const fn new(secrets: Secrets) -> Self {
        Self { secrets, any: Cell::new(false) }
    }

    /// Returns true if any secret was redacted.
    pub const fn is_any(&self) -> bool {
        self.any.get()
    }

    /// Redacts a secret text.
    pub fn secret(&self, text: &str) -> String {
        match self.secrets {
            Secrets::Redacted if !text.is_empty() => {
                self.any.set(true);
                REDACTED.to_owned()
            }
            _ => text.to_owned(),
        }
    }

    /// Redacts the credentials in a text that may be a URL.
    pub fn url(&self, text: &str) -> String {
        match self.secrets {
            Secrets::Redacted => {
                let redacted = redact_url(text);
                self.any.set(self.any.get() || is_partly_redacted(&redacted));
                redacted.into_owned()
            }
            Secrets::Shown => text.to_owned(),
        }
    }
}
