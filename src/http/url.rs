//! URLs, and their redacted forms.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use ureq::http::Uri;

use cloud_config::text::secret::{REDACTED, Secret, url_parameters};

/// The reason for rejecting a URL. No variant contains any part of the URL.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadUrl {
    /// The scheme is missing or is not `http` or `https`.
    #[error("not an http or https URL")]
    Scheme,
    /// The URL is invalid in another way.
    #[error("invalid URL")]
    Malformed,
}

/// An `http` or `https` URL. Its credentials are stored separately and never printed.
#[derive(Clone)]
pub struct Url {
    /// The URL without credentials and fragment.
    uri: Uri,
    /// The value of the header with the credentials.
    authorization: Option<Secret<String>>,
    /// The redacted form, if it is unclear which part of the URL is the password.
    unclear: Option<String>,
}

impl Url {
    /// Parses a URL. Characters that need encoding are encoded as in browsers; control characters are rejected.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(BadUrl::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(BadUrl::Scheme);
        }
        let whole = rest;
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let slash = if path.starts_with('/') { "" } else { "/" };
        let uri: Uri = format!("{scheme}://{host}{slash}{}", encoded(path)?).parse().map_err(|_| BadUrl::Malformed)?;
        let authority = uri.authority().ok_or(BadUrl::Malformed)?;
        // The text after the host must be a port.
        let is_port = authority.host().len() == authority.as_str().len() || authority.port_u16().is_some();
        if authority.host().is_empty() || !is_port || url_parameters(authority.host()).is_some() {
            return Err(BadUrl::Malformed);
        }
        // A password with an unencoded `/`, `?` or `#` looks like a port followed by the rest of the URL.
        let is_unclear = credentials.is_none() && authority.port().is_some();
        let unclear = whole.rsplit_once('@').filter(|_| is_unclear).map(|(_, rest)| {
            let rest = encoded(rest).unwrap_or_default();
            format!("{scheme}://{REDACTED}@{}", without_parameters(&rest))
        });
        Ok(Self { unclear, authorization: credentials.map(basic), uri })
    }

    /// Returns the target of a redirect to `location`, without the credentials of this URL.
    pub fn join(&self, location: &str) -> Result<Self, BadUrl> {
        let location = location.trim();
        let (scheme, origin, path) = (self.uri.scheme_str().unwrap_or("http"), self.origin(), self.uri.path());
        // Only a `://` before the query, path or fragment ends a scheme.
        let head = location.find(['/', '?', '#']).map_or(location, |end| &location[..end]);
        if head.contains(':') {
            Self::parse(location)
        } else if let Some(rest) = location.strip_prefix("//") {
            Self::parse(&format!("{scheme}://{rest}"))
        } else if location.starts_with('/') {
            Self::parse(&format!("{origin}{}", without_dots(location)))
        } else if location.is_empty() || location.starts_with(['?', '#']) {
            Self::parse(&format!("{origin}{path}{location}"))
        } else {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            Self::parse(&format!("{origin}{}", without_dots(&format!("{directory}/{location}"))))
        }
    }

    /// Returns the URL of `path` below this URL, for the parts of a metadata service (docs/datasources.md).
    pub fn part(&self, path: &str) -> Result<Self, BadUrl> {
        let directory = self.uri.path().trim_end_matches('/');
        let part = Self::parse(&format!("{}{directory}/{path}", self.origin()))?;
        Ok(Self { authorization: self.authorization.clone(), ..part })
    }

    /// Returns the URL without its credentials.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        Self { authorization: None, ..self.clone() }
    }

    /// Returns the URL with the credentials of `other`.
    #[must_use]
    pub fn with_credentials_of(&self, other: &Self) -> Self {
        Self { authorization: other.authorization.clone(), ..self.clone() }
    }

    /// Returns the server: `http://host:port`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.uri.scheme_str().unwrap_or("http"), self.authority())
    }

    /// The header `Host`, if it must not be the host of the URL: the name of an interface has no meaning elsewhere.
    pub fn host_without_zone(&self) -> Option<String> {
        let (address, rest) = self.authority().split_once('%')?;
        let (_, port) = rest.split_once(']')?;
        Some(format!("{address}]{port}"))
    }

    /// Returns the URI of the request.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the value of the header with the credentials.
    pub fn authorization(&self) -> Option<&Secret<String>> {
        self.authorization.as_ref()
    }

    /// Returns true if the URL is fetched over HTTPS.
    pub fn is_safe(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Returns true if `other` has the same server, or the same host over HTTPS.
    pub fn is_same_host(&self, other: &Self) -> bool {
        let host = |url: &Self| url.uri.host().map(str::to_ascii_lowercase);
        let safer = !self.is_safe() && other.is_safe() && self.uri.port().is_none() && other.uri.port().is_none();
        host(self) == host(other) && (safer || (self.is_safe() == other.is_safe() && self.port() == other.port()))
    }

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_safe() { 443 } else { 80 })
    }

    fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }
}

impl fmt::Display for Url {
    /// Omits credentials, the query and path parameters; the latter two often contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(unclear) = &self.unclear {
            return f.write_str(unclear);
        }
        let path = self.uri.path_and_query().map_or(self.uri.path(), |path| path.as_str());
        write!(f, "{}{}", self.origin(), without_parameters(path))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Removes the values of the parameters from `path`: `/a?…`.
fn without_parameters(path: &str) -> String {
    url_parameters(path).map_or_else(|| path.to_owned(), |sign| format!("{}…", &path[..sign.end]))
}

/// Encodes the characters that are invalid in the path or query of a URL.
fn encoded(path: &str) -> Result<String, BadUrl> {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            0..0x20 | 0x7f => return Err(BadUrl::Malformed),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            _ if b"-._~:/?[]@!$&'()*+,;=%".contains(&byte) => out.push(char::from(byte)),
            _ => out.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    Ok(out)
}

/// Returns the `Authorization` header for `user:password`, which may be percent-encoded.
fn basic(credentials: &str) -> Secret<String> {
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let both = [decoded(user), vec![b':'], decoded(password)].concat();
    Secret::new(format!("Basic {}", STANDARD.encode(both)))
}

/// Resolves `.` and `..` in the path at the beginning of `location`. The rest stays as it is.
fn without_dots(location: &str) -> String {
    let end = location.find(['?', '#']).unwrap_or(location.len());
    let (path, rest) = location.split_at(end);
    let mut out = Vec::new();
    for step in path.split('/').skip(1) {
        match step {
            "." => {}
            ".." => drop(out.pop()),
            step => out.push(step),
        }
    }
    // A path that ends with one of them is a directory.
    let slash = if path.ends_with("/.") || path.ends_with("/..") { "/" } else { "" };
    let slash = if out.is_empty() { "" } else { slash };
    format!("/{}{slash}{rest}", out.join("/"))
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, digit(0), digit(1)) {
            out.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = &tail[2..];
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Url::parse(text).map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    #[test]
    fn nothing_shows_credentials() {
        let url = Url::parse("HTTPS://us%40er:hunter2@example.com:8443/a?sig=hunter2#hunter2").unwrap();
        assert_eq!(url.to_string(), "https://example.com:8443/a?…");
        assert_eq!(format!("{url:?}"), url.to_string());
        assert_eq!(url.authorization().unwrap().expose(), "Basic dXNAZXI6aHVudGVyMg==");
        assert!(!url.uri().to_string().contains('@'));
        assert_eq!(Url::parse("http://a@b@host/").unwrap().to_string(), "http://host/");
        assert_eq!(shown("https://me:12/hunter2@host:1/k?x"), "https://<secret>@host:1/k?…");
        assert_eq!(shown("https://host/@mary/k"), "https://host/@mary/k");
        for (url, redacted) in [
            ("https://host/a;jsessionid=hunter2/b?x", "https://host/a;…"),
            ("https://host/a%3Bjsessionid%3Dhunter2", "https://host/a%3B…"),
            ("https://host/a/b;v=1/c;token=hunter2", "https://host/a/b;…"),
            ("https://us;x:hunter2;y@host/a", "https://host/a"),
            ("https://me:12?hunter2@host/k", "https://<secret>@host/k"),
            ("https://me:12#hunter2@host/k;t=hunter2", "https://<secret>@host/k;…"),
            ("https://host/a#;token=hunter2", "https://host/a"),
        ] {
            assert_eq!(shown(url), redacted);
            let joined = Url::parse("http://other/").unwrap().join(url).unwrap();
            assert_eq!(joined.to_string(), redacted);
        }
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, wanted) in [
            ("http://host", "http://host/"),
            (" http://host/a b\n", "http://host/a%20b"),
            ("http://host/ä{x}%41", "http://host/%C3%A4%7Bx%7D%41"),
            ("http://host?x=1", "http://host/?…"),
            ("http://[::1]:80/x", "http://[::1]:80/x"),
        ] {
            assert_eq!(shown(text), wanted);
        }
        let scheme = BadUrl::Scheme.to_string();
        for text in ["ftp://host/", "file:///etc/shadow", "host/path", "", "/x"] {
            assert_eq!(shown(text), scheme, "{text}");
        }
        let malformed = BadUrl::Malformed.to_string();
        for text in
            ["http://", "http:///x", "http://host/a\r\nX: y", "http://ho st/", "http://host:port/", "http://u@/"]
        {
            assert_eq!(shown(text), malformed, "{text:?}");
        }
    }

    #[test]
    fn the_interface_of_a_link_local_address_is_not_sent() {
        for (url, wanted) in [
            ("http://[fe80::1%25eth0]/x", Some("[fe80::1]")),
            ("http://[fe80::1%eth0]:8080/", Some("[fe80::1]:8080")),
            ("http://[fe80::1]/", None),
            ("http://host/%25]", None),
        ] {
            assert_eq!(Url::parse(url).unwrap().host_without_zone().as_deref(), wanted, "{url}");
        }
        assert_eq!(shown("http://[fe80::1%25eth0]/x"), "http://[fe80::1%25eth0]/x");
    }

    #[test]
    fn redirects_lead_where_they_say() {
        let base = Url::parse("http://u:p@host:81/a/b?c").unwrap();
        for (location, wanted) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "http://other/x"),
            ("/x", "http://host:81/x"),
            ("x", "http://host:81/a/x"),
            ("x?to=http://y", "http://host:81/a/x?…"),
            ("../x", "http://host:81/x"),
            ("./x/../../y/.", "http://host:81/y/"),
            ("../../../x/", "http://host:81/x/"),
            ("..", "http://host:81/"),
            ("/a/./../x?y=/../z", "http://host:81/x?…"),
            ("/a//b", "http://host:81/a//b"),
            ("?d", "http://host:81/a/b?…"),
            ("", "http://host:81/a/b"),
        ] {
            let url = base.join(location).unwrap();
            assert_eq!(url.to_string(), wanted, "{location}");
            assert!(url.authorization().is_none());
        }
        for location in ["ftp://host/", "javascript:x", "file:/etc/shadow"] {
            assert_eq!(base.join(location).unwrap_err(), BadUrl::Scheme, "{location}");
        }
    }

    #[test]
    fn the_last_slash_of_a_base_is_added() {
        for base in ["http://u:p@host/a", "http://u:p@host/a/", "http://u:p@host/a//?x"] {
            let part = Url::parse(base).unwrap().part("b/c").unwrap();
            assert_eq!(part.to_string(), "http://host/a/b/c");
            assert!(part.authorization().is_some());
        }
        assert_eq!(Url::parse("http://host").unwrap().part("").unwrap().to_string(), "http://host/");
    }

    #[test]
    fn a_host_is_the_same_at_its_own_port_or_its_safe_one() {
        let same = |one: &str, other: &str| Url::parse(one).unwrap().is_same_host(&Url::parse(other).unwrap());
        assert!(same("http://a/x", "http://A:80/y"));
        assert!(same("http://a/", "https://a/"));
        assert!(!same("https://a/", "http://a/"), "a safe question is not answered otherwise");
        assert!(!same("http://a/", "http://a:81/"));
        assert!(!same("http://a/", "http://b/"));
    }
}
