//! Parses MIME headers, and the values in them that this program needs (docs/user-data.md).

use super::{content_kind, label};
use crate::diagnostic::Span;

/// A header, with its continuation lines joined.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub value: String,
    /// The position of its first line.
    pub at: Span,
}

/// The first header of each wanted kind, and the start of the content below the headers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Headers {
    pub content_type: Option<Header>,
    pub transfer_encoding: Option<Header>,
    pub disposition: Option<Header>,
    pub body: usize,
    /// A line among the headers that is not a header.
    pub stray: Option<Span>,
    /// The first repetition of each wanted header.
    pub again: Vec<(Wanted, Span)>,
}

/// A multipart, according to its headers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Multipart {
    pub content_type: Header,
    pub body: usize,
    pub stray: Option<Span>,
    pub again: Vec<(Wanted, Span)>,
}

/// Parses the headers of a multipart. Blank lines, and the first line of a mailbox, may precede them.
pub(super) fn multipart(bytes: &[u8]) -> Option<Multipart> {
    let Headers { content_type, body, stray, again, .. } = read(bytes, start(bytes));
    let content_type = content_type.filter(Header::is_multipart)?;
    Some(Multipart { content_type, body, stray, again })
}

/// Returns true if `bytes` begin with MIME headers, of whatever type.
pub(super) fn is_single(bytes: &[u8]) -> bool {
    read(bytes, start(bytes)).content_type.is_some()
}

/// Returns the start of the headers at the top of `bytes`.
fn start(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let line = line_at(bytes, at);
        if !(line.trim_ascii().is_empty() || line.starts_with(b"From ")) {
            break;
        }
        at += line.len();
    }
    at
}

/// Parses the headers of a part that begins with blank lines, although a blank line ends the headers (RFC 2046).
///
/// Returns `None` if the text is content: a line of it is not a header, or it is a multipart, whose content may look
/// like this.
pub(super) fn below_blank_lines(bytes: &[u8]) -> Option<Headers> {
    let blank = content_kind::blank_lines(bytes);
    if blank == 0 || multipart(bytes).is_some() {
        return None;
    }
    let headers = read(bytes, blank);
    let is_known = headers.content_type.is_some() || headers.transfer_encoding.is_some();
    let ends = bytes[..headers.body].ends_with(b"\n") && headers.body < bytes.len();
    (is_known && ends && headers.stray.is_none()).then_some(headers)
}

/// Parses the headers that begin at `from`, up to an empty line.
pub(super) fn read(bytes: &[u8], from: usize) -> Headers {
    let mut headers = Headers::default();
    let mut at = from;
    // Receives the continuation lines of unwanted headers, which are dropped.
    let mut unwanted = Header { value: String::new(), at: Span::new(0, 0) };
    let mut last: Option<Wanted> = None;
    let mut any = false;
    // The first line that is probably content instead of a header.
    let mut odd = None;
    while at < bytes.len() {
        let line = line_at(bytes, at);
        let text = line.trim_ascii_end();
        let span = Span::new(at, at + text.len());
        if text.is_empty() {
            at += line.len();
            odd = None;
            break;
        }
        if text.starts_with(b" ") || text.starts_with(b"\t") {
            if !any {
                headers.stray = Some(span);
                break;
            }
            let header = last.and_then(|wanted| headers.slot(wanted).as_mut()).unwrap_or(&mut unwanted);
            if last.is_some() {
                header.value.push(' ');
                header.value.push_str(&String::from_utf8_lossy(text.trim_ascii()));
            }
        } else if let Some((name, value)) = split(text) {
            any = true;
            odd = odd.or_else(|| (!is_usual(name)).then_some(span));
            // Of several headers with the same name, the first one is used.
            let named = Wanted::named(name);
            last = named.filter(|wanted| headers.slot(*wanted).is_none());
            if let (Some(wanted), None) = (named, last)
                && headers.again.iter().all(|(known, _)| *known != wanted)
            {
                headers.again.push((wanted, span));
            }
            if let Some(wanted) = last {
                let value = String::from_utf8_lossy(value.trim_ascii()).into_owned();
                *headers.slot(wanted) = Some(Header { value, at: span });
            }
        } else {
            headers.stray = Some(span);
            break;
        }
        at += line.len();
    }
    headers.body = at;
    // Without an empty line, everything looks like headers, so that a line such as `hostname: a` would be lost
    // silently.
    headers.stray = headers.stray.or(odd);
    headers
}

/// Returns true if parts commonly have a header of this name.
fn is_usual(name: &[u8]) -> bool {
    ["content-", "mime-", "x-"]
        .iter()
        .any(|start| name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes())))
}

/// Splits a header line into name and value.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let valid = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    valid.then(|| (name, &line[colon + 1..]))
}

/// Returns the line that begins at `at`, with its line end.
pub(super) fn line_at(bytes: &[u8], at: usize) -> &[u8] {
    let rest = &bytes[at..];
    rest.iter().position(|byte| *byte == b'\n').map_or(rest, |end| &rest[..=end])
}

/// The headers that this program needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    ContentType,
    TransferEncoding,
    Disposition,
}

impl Wanted {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ContentType => "Content-Type",
            Self::TransferEncoding => "Content-Transfer-Encoding",
            Self::Disposition => "Content-Disposition",
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        let all = [Self::ContentType, Self::TransferEncoding, Self::Disposition];
        all.into_iter().find(|wanted| name.eq_ignore_ascii_case(wanted.name().as_bytes()))
    }
}

impl Headers {
    fn slot(&mut self, wanted: Wanted) -> &mut Option<Header> {
        match wanted {
            Wanted::ContentType => &mut self.content_type,
            Wanted::TransferEncoding => &mut self.transfer_encoding,
            Wanted::Disposition => &mut self.disposition,
        }
    }

    /// Returns the file name of the part, printable.
    pub fn file_name(&self) -> Option<String> {
        let name = |header: &Header, key: &str| {
            let encoded = header.parameter(&format!("{key}*")).and_then(|value| label::extended(&value));
            encoded.or_else(|| header.parameter(key).map(|value| label::words(&value)))
        };
        let of_disposition = self.disposition.as_ref().and_then(|header| name(header, "filename"));
        let name = of_disposition.or_else(|| self.content_type.as_ref().and_then(|header| name(header, "name")))?;
        label::short(&name)
    }
}

impl Header {
    /// Returns the value before the parameters, in lower case.
    pub fn kind(&self) -> String {
        let kind = self.value.split([';', ' ', '\t', '(']).next().unwrap_or_default();
        kind.to_ascii_lowercase()
    }

    pub fn is_multipart(&self) -> bool {
        self.kind().starts_with("multipart/")
    }

    /// Returns the boundary of a multipart.
    pub fn boundary(&self) -> Option<String> {
        self.parameter("boundary").filter(|boundary| !boundary.is_empty())
    }

    /// Returns the first parameter with this name, in any case. Without quotes, its value ends at a `;`.
    fn parameter(&self, name: &str) -> Option<String> {
        let mut rest = self.value.split_once(';')?.1;
        loop {
            let end = end_of_parameter(rest);
            if let Some((key, value)) = rest[..end].split_once('=')
                && key.trim().eq_ignore_ascii_case(name)
            {
                return Some(unquoted(value.trim()));
            }
            rest = rest.get(end + 1..)?;
        }
    }
}

/// Returns the end of the first parameter of `text`: a `;` outside of quotes.
fn end_of_parameter(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => quoted = !quoted,
            b';' if !quoted => return at,
            _ => {}
        }
        escaped = quoted && byte == b'\\' && !escaped;
    }
    text.len()
}

/// Removes the quotes of a value, and the backslashes that escape characters in them.
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_type(value: &str) -> Header {
        Header { value: value.to_owned(), at: Span::new(0, 0) }
    }

    #[test]
    fn headers_end_at_an_empty_line() {
        for end in ["\n", "\r\n"] {
            let text = "MIME-Version: 1.0\nCONTENT-TYPE : text/x;\n\tname=\"a b\"\nContent-Type: second\n\nbody\n";
            let text = text.replace('\n', end);
            let headers = read(text.as_bytes(), 0);
            assert_eq!(headers.content_type.unwrap().value, "text/x; name=\"a b\"");
            assert_eq!(&text[headers.body..], format!("body{end}"));
            assert_eq!(headers.stray, None);
            let again: Vec<_> = headers.again.iter().map(|(wanted, span)| (*wanted, span.start)).collect();
            assert_eq!(again, [(Wanted::ContentType, text.find("Content-Type: second").unwrap())]);
        }
        let blank = read(b"A: b\n \t\nbody", 0);
        assert_eq!((blank.body, blank.stray), (8, None), "blanks alone are an empty line");
        assert_eq!(read(b"\nA: b", 0).body, 1);
        assert_eq!(read(b"X-A: b", 0), Headers { body: 6, ..Headers::default() });
        assert_eq!(read(b"", 0), Headers::default());
    }

    #[test]
    fn a_line_that_is_none_is_found() {
        for (text, at) in [
            ("Content-Type: text/cloud-config\nhostname: a\n", 32),
            ("A: b\n#cloud-config\nhostname: a\n", 5),
            (" A: b\n", 0),
            ("one two: x\n", 0),
            (": x\n", 0),
        ] {
            assert_eq!(read(text.as_bytes(), 0).stray.map(|span| span.start), Some(at), "{text:?}");
        }
    }

    #[test]
    fn a_multipart_is_known_by_its_headers() {
        for text in [
            "Content-Type: multipart/mixed; boundary=B\n\n",
            "\n\r\n  \nMIME-Version: 1.0\ncontent-type:MULTIPART/Mixed;boundary=\"B\"\n",
            "From nobody Fri Aug 31 17:43:04 2012\nContent-Type: multipart/alternative;\n boundary=B\n",
        ] {
            let found = multipart(text.as_bytes()).unwrap();
            assert_eq!(found.content_type.boundary().as_deref(), Some("B"), "{text:?}");
        }
        for text in ["", "Content-Type: text/plain\n\n", "hostname: a\n\nContent-Type: multipart/mixed; boundary=B\n"] {
            assert_eq!(multipart(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn parameters_are_found_between_quotes() {
        for (value, boundary) in [
            ("multipart/mixed; boundary=simple", Some("simple")),
            ("multipart/mixed; BOUNDARY=\"===a; b=\\\"c\\\\\"; charset=x", Some("===a; b=\"c\\")),
            ("multipart/mixed; x=\"; boundary=no\"; boundary = ==yes== ; z", Some("==yes==")),
            ("multipart/mixed; boundary=one; boundary=two", Some("one")),
            ("multipart/mixed; boundary=\"open", Some("open")),
            ("multipart/mixed; boundary=\"\"", None),
            ("multipart/mixed; boundary=", None),
            ("multipart/mixed; boundary", None),
            ("multipart/mixed", None),
            ("multipart/mixed;", None),
        ] {
            assert_eq!(content_type(value).boundary().as_deref(), boundary, "{value}");
        }
    }

    #[test]
    fn types_are_small_letters_alone() {
        for value in ["Text/X-ShellScript", "text/x-shellscript; charset=\"us-ascii\"", "text/x-shellscript (a script)"]
        {
            assert_eq!(content_type(value).kind(), "text/x-shellscript");
        }
    }

    #[test]
    fn parts_are_called_by_their_files() {
        let name = |value: &str| {
            let text = format!("Content-Disposition: attachment; {value}\n\n");
            read(text.as_bytes(), 0).file_name()
        };
        assert_eq!(name("filename=\"a b.sh\"").as_deref(), Some("a b.sh"));
        assert_eq!(name("FileName=a.sh; filename*=utf-8''%C3%A4%20b.sh").as_deref(), Some("\u{e4} b.sh"));
        assert_eq!(name("filename=\"=?utf-8?b?w6Q=?= =?ISO-8859-1?Q?_=E4?=\"").as_deref(), Some("\u{e4} \u{e4}"));
        assert_eq!(name("filename=\"\""), None);
        assert_eq!(name("name=a.sh"), None);
        assert_eq!(read(b"\n", 0).file_name(), None);
        assert_eq!(read(b"Content-Type: text/plain; name=a.txt\n\n", 0).file_name().as_deref(), Some("a.txt"));
    }
}
