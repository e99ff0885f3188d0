//! Several parts as one text (docs/user-data.md).

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Understood;

/// Formats a multipart of `parts`, in their order.
pub(super) fn multipart(parts: &[&Understood]) -> String {
    let texts: Vec<_> = parts.iter().map(|part| (part, part.text())).collect();
    let boundary = boundary(texts.iter().map(|(_, text)| text.as_str()));
    let mut out = format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\n\n");
    for (part, text) in &texts {
        let kind = if part.is_shown_script() { "text/x-shellscript" } else { "text/cloud-config" };
        // The line break before a boundary is part of the boundary.
        out.extend(["--", &boundary, "\nContent-Type: ", kind, "; charset=\"utf-8\"\n"]);
        out.push_str("Content-Transfer-Encoding: 8bit\n");
        if let Some(name) = file_name(&part.name) {
            out.extend(["Content-Disposition: attachment; filename=\"", name, "\"\n"]);
        }
        out.extend(["\n", text, "\n"]);
    }
    out + "--" + &boundary + "--\n"
}

/// Returns the file name after the number of a part, as in `user-data:part-2:a.yml`; `None` if it would have to be
/// encoded.
fn file_name(part: &str) -> Option<&str> {
    let (_, part) = part.rsplit_once(":part-")?;
    let (_, name) = part.split_once(':')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes().all(is_plain).then_some(name)
}

/// Returns a boundary that is in none of the texts. It is a hash of them, which no text can contain.
fn boundary<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    texts.for_each(|text| hash.update(text));
    let mut boundary = "part-".to_owned();
    for byte in &hash.finalize()[..16] {
        let _ = write!(boundary, "{byte:02x}");
    }
    boundary
}
