//! Values that must never be printed, such as file contents and password hashes.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is never printed or serialized: `Debug` and `Serialize` write [`REDACTED`] instead.
///
/// Only [`Secret::expose`] and [`Secret::into_exposed`] access the value, so all uses can be found by name
/// (docs/security.md#secrets).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

/// The replacement for a secret.
pub const REDACTED: &str = "<secret>";

/// Returns true if `text` equals [`REDACTED`]. Such text comes from `--print-config`, and is no real content or
/// password.
pub fn is_redacted(text: impl AsRef<[u8]>) -> bool {
    text.as_ref().trim_ascii() == REDACTED.as_bytes()
}

/// Returns true if `text` is [`REDACTED`], or a URL that contains it; see [`redact_url`].
pub fn is_partly_redacted(text: &str) -> bool {
    is_redacted(text) || (text.contains("://") && text.contains(REDACTED))
}

/// Redacts the parts of a URL in `text` that may be secret: credentials, query, fragment and path parameters.
///
/// If it is unclear where a part ends, the larger part is redacted.
pub fn redact_url(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Cow::Borrowed(text) };
    let (credentials, rest) = rest.rsplit_once('@').map_or((false, rest), |(_, rest)| (true, rest));
    let parameters = url_parameters(rest);
    if !credentials && parameters.is_none() {
        return Cow::Borrowed(text);
    }
    let mut redacted = format!("{scheme}://");
    if credentials {
        redacted.extend([REDACTED, "@"]);
    }
    redacted.push_str(&rest[..parameters.as_ref().map_or(rest.len(), |sign| sign.end)]);
    if parameters.is_some() {
        redacted.push_str(REDACTED);
    }
    Cow::Owned(redacted)
}

/// Returns the range of the first sign of parameters in a URL or its path: `?` of a query, `#` of a fragment, `;` of
/// path parameters such as `;jsessionid=`. Percent-encoded forms of these also count, even if encoded repeatedly.
///
/// A parameter may be a secret that contains `/`, so everything after the sign is redacted.
pub fn url_parameters(url: &str) -> Option<Range<usize>> {
    let bytes = url.as_bytes();
    (0..bytes.len()).find_map(|at| match bytes[at] {
        b'?' | b'#' | b';' => Some(at..at + 1),
        b'%' => {
            // If `%3B` is encoded again, it becomes `%253B`.
            let mut digits = at + 1;
            while bytes[digits..].starts_with(b"25") {
                digits += 2;
            }
            let code = bytes.get(digits..digits + 2)?.to_ascii_lowercase();
            matches!(code.as_slice(), b"3b" | b"3f" | b"23").then_some(at..digits + 2)
        }
        _ => None,
    })
}

impl<T> Secret<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the secret value.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps the secret value.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, is_partly_redacted, is_redacted, redact_url};

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "<secret>");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"<secret>\"");
    }

    #[test]
    fn urls_lose_what_may_be_secret() {
        for (url, redacted) in [
            ("https://host/a/b", "https://host/a/b"),
            ("https://u:p@host:8/a", "https://<secret>@host:8/a"),
            ("https://host/a?token=t#f", "https://host/a?<secret>"),
            ("https://host/a#f?x", "https://host/a#<secret>"),
            ("https://u:p/q?r@host/a?t", "https://<secret>@host/a?<secret>"),
            ("https://host/a?mail=b@c", "https://<secret>@c"),
            ("http://u:p@a,http://v:q@b", "http://<secret>@b"),
            ("a=http://u:p@a", "a=http://<secret>@a"),
            ("https://host/a;jsessionid=s", "https://host/a;<secret>"),
            ("https://host/a;v=1;token=s/b/c?d", "https://host/a;<secret>"),
            ("https://host/a%3Bjsessionid%3Ds/b", "https://host/a%3B<secret>"),
            ("https://host/a%3btoken=s", "https://host/a%3b<secret>"),
            ("https://host/a%25253Btoken=s", "https://host/a%25253B<secret>"),
            ("https://host/a%3Ftoken=s", "https://host/a%3F<secret>"),
            ("https://host/a%23s", "https://host/a%23<secret>"),
            ("https://u;v=s:p;q@host/a", "https://<secret>@host/a"),
            ("https://host;p=s/a", "https://host;<secret>"),
            ("https://host/%41%2", "https://host/%41%2"),
            ("https://host/%25", "https://host/%25"),
            ("https://host/é%", "https://host/é%"),
            ("u:p@host", "u:p@host"),
            ("a;b?c", "a;b?c"),
            ("", ""),
        ] {
            assert_eq!(redact_url(url), redacted);
            assert_eq!(redact_url(redacted), redacted, "a redacted URL stays as it is");
            assert_eq!(is_partly_redacted(redacted), redacted != url, "{redacted}");
        }
    }

    #[test]
    fn a_redacted_secret_is_recognized() {
        for text in ["<secret>", " <secret>\n"] {
            assert!(is_redacted(text) && is_partly_redacted(text), "{text:?}");
        }
        for text in ["", "secret", "<secret> words", "a <secret>"] {
            assert!(!is_redacted(text) && !is_partly_redacted(text), "{text:?}");
        }
        assert!(!is_redacted("https://<secret>@host"), "text that holds one is not one");
    }
}
