//! Parses XML from platforms. Limits are checked before, and document types are rejected.

use anyhow::{Result, bail};
use roxmltree::{Document, Node, ParsingOptions};

/// The largest number of elements, texts and comments of a document.
const NODES_MAX: u32 = 100_000;
/// The greatest depth of elements.
const DEPTH_MAX: usize = 100;
/// The largest number of attributes of an element; the parser compares each pair of them.
const ATTRIBUTES_MAX: usize = 64;
/// The largest number of namespace declarations; the parser copies those in scope.
const NAMESPACES_MAX: usize = 1000;

/// Returns the text of a document, without the byte order mark and padding.
pub fn text<'a>(bytes: &'a [u8], subject: &str) -> Result<&'a str> {
    let Ok(text) = str::from_utf8(bytes) else { bail!("failed to read {subject}: invalid UTF-8") };
    Ok(text.trim_start_matches('\u{feff}').trim_matches(|c: char| c == '\0' || c.is_ascii_whitespace()))
}

/// Parses a document. Errors do not quote it.
pub fn parse<'a>(text: &'a str, subject: &str) -> Result<Document<'a>> {
    if let Err(why) = check_size(text) {
        bail!("failed to read {subject}: {why}");
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).or_else(|error| match error {
        roxmltree::Error::DtdDetected => bail!("failed to read {subject}: document type declarations are unsupported"),
        roxmltree::Error::NodesLimitReached => bail!("failed to read {subject}: more than {NODES_MAX} nodes"),
        other => bail!("failed to read {subject}: invalid XML (line {})", other.pos().row),
    })
}

/// Returns the elements in `node` with this local name, in any namespace.
pub fn children<'a, 'd>(node: Node<'a, 'd>, name: &'static str) -> impl Iterator<Item = Node<'a, 'd>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// Returns the value of the attribute with this local name, in any namespace.
pub fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.name() == name).map(|attribute| attribute.value())
}

/// Checks the sizes for which the time of the parser grows faster than the length of the document.
fn check_size(text: &str) -> Result<(), String> {
    if text.matches("xmlns").count() > NAMESPACES_MAX {
        return Err(format!("more than {NAMESPACES_MAX} namespaces"));
    }
    let (mut rest, mut depth) = (text, 0_usize);
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let special = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("</", ">")];
        if let Some((head, tail)) = special.into_iter().find(|(head, _)| rest.starts_with(head)) {
            if head == "</" {
                depth = depth.saturating_sub(1);
            }
            rest = rest[head.len()..].split_once(tail).map_or("", |(_, rest)| rest);
            continue;
        }
        let (end, attributes) = tag(rest);
        if attributes > ATTRIBUTES_MAX {
            return Err(format!("more than {ATTRIBUTES_MAX} attributes of an element"));
        }
        if !rest[..end].ends_with("/>") {
            depth += 1;
        }
        if depth > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} nested elements"));
        }
        rest = &rest[end..];
    }
    Ok(())
}

/// Returns the length of the tag at the beginning of `text`, and the number of quoted values in it.
fn tag(text: &str) -> (usize, usize) {
    let (mut quote, mut values) = (None, 0);
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return (at + 1, values),
            (None, b'"' | b'\'') => (quote, values) = (Some(byte), values + 1),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    (text.len(), values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn error(text: &str) -> String {
        let begun = Instant::now();
        let error = parse(text, "it").map(|_| ()).unwrap_err().to_string();
        assert!(begun.elapsed() < Duration::from_secs(5), "{error}");
        error
    }

    #[test]
    fn documents_are_bounded() {
        assert!(error(&"<a>".repeat(1 << 20)).contains("nested elements"));
        assert!(error(&format!("<r>{}</r>", "<a/>".repeat(100_001))).contains("nodes"));
        let attributes = |count: usize| (0..count).map(|n| format!(" a{n}=''")).collect::<Vec<_>>().concat();
        assert!(error(&format!("<a{}/>", attributes(1 << 20))).contains("attributes"));
        assert!(parse(&format!("<a{}/>", attributes(ATTRIBUTES_MAX)), "it").is_ok());
        let spaces = (0..=NAMESPACES_MAX).map(|n| format!("<a xmlns:n{n}='u{n}'/>")).collect::<Vec<_>>();
        assert!(error(&format!("<r>{}</r>", spaces.concat())).contains("namespaces"));
        let bomb = "<!DOCTYPE r [<!ENTITY a 'hunter2'><!ENTITY b '&a;&a;'>]><r>&b;</r>";
        assert!(error(bomb).contains("document type"));
        assert!(error("<!DOCTYPE r SYSTEM 'file:///etc/shadow'><r/>").contains("document type"));
    }

    #[test]
    fn comments_and_texts_are_no_elements() {
        let document = format!("<r><!-- {0} --><![CDATA[{0}]]><a v='{1}'/></r>", "<a>".repeat(200), "&lt;".repeat(200));
        assert!(parse(&document, "it").is_ok());
    }

    #[test]
    fn errors_show_nothing() {
        for document in
            ["<hunter2", "<a hunter2=1/>", "<a></hunter2>", "<a>&hunter2;</a>", "<x:a hunter2='1'/>", "hunter2", ""]
        {
            assert!(!error(document).contains("hunter2"), "{document}");
        }
        assert!(text(b"\xff<a/>", "it").is_err());
        assert_eq!(text("\u{feff}\n<a/>\n\0\0".as_bytes(), "it").unwrap(), "<a/>");
    }
}
