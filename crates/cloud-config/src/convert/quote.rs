//! Quoting for the files that the conversion generates.

/// A word of a POSIX shell.
pub fn shell(text: &str) -> String {
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b':' | b'@' | b'+' | b',')
    };
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.to_owned()
    } else if text.contains(['$', '`']) {
        // shellcheck takes these in single quotes for a mistake.
        let mut out = String::from('"');
        for c in text.chars() {
            out.extend(matches!(c, '$' | '`' | '"' | '\\').then_some('\\'));
            out.push(c);
        }
        out + "\""
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// An argument of a command in a unit, without specifiers and variables (systemd.service(5), "Command lines").
pub fn argument(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    let is_plain = |c: char| {
        c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ':' | '@' | '+' | ',' | '=' | '%' | '$' | '&' | '?')
    };
    // A word of its own, `;` separates commands.
    let quoted = text.is_empty() || !text.chars().all(is_plain);
    out.extend(quoted.then_some('"'));
    for c in text.chars() {
        match c {
            '%' => out.push_str("%%"),
            '$' => out.push_str("$$"),
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.extend(quoted.then_some('"'));
    out
}

/// A path in a setting of a unit that takes specifiers and no quotes, such as `EnvironmentFile=`.
pub fn unit_path(text: &str) -> String {
    text.replace('%', "%%")
}

/// Returns true for a path that a line of tmpfiles.d(5) cannot have: its first field has no escapes for control
/// characters.
pub fn is_lost_by_tmpfiles(path: &str) -> bool {
    path.contains(|c: char| c.is_ascii_control())
}

/// A field of a line of tmpfiles.d(5), but the last one.
pub fn tmpfiles(text: &str) -> String {
    let escaped = escaped(text).replace('"', "\\\"");
    let is_plain = escaped == text && !text.is_empty() && !text.contains([' ', '\'', '#']);
    if is_plain { escaped } else { format!("\"{escaped}\"") }
}

/// The last field of a line of tmpfiles.d(5), which has no quotes.
pub fn tmpfiles_argument(text: &str) -> String {
    let text = escaped(text);
    let trimmed = text.trim_end_matches(' ');
    // systemd-tmpfiles removes spaces at the end of a line.
    format!("{trimmed}{}", r"\x20".repeat(text.len() - trimmed.len()))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%%").replace('\\', r"\\")
}

/// A path in a line of a type that takes patterns, such as `z`.
pub fn tmpfiles_pattern(path: &str) -> String {
    let mut literal = String::with_capacity(path.len());
    for c in path.chars() {
        literal.extend(matches!(c, '*' | '?' | '[' | '{' | '}' | '\\').then_some('\\'));
        literal.push(c);
    }
    tmpfiles(&literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_one_word() {
        assert_eq!(shell("/a/b-c:d"), "/a/b-c:d");
        assert_eq!(shell("a b(c)'d"), r"'a b(c)'\''d'");
        assert_eq!(shell(""), "''");
        assert_eq!(argument("-x"), "-x");
        assert_eq!(argument("a b"), "\"a b\"");
        assert_eq!(argument("50%$x"), "50%%$$x");
        assert_eq!(argument(r#"a"\"#), r#""a\"\\""#);
        assert_eq!(argument(";"), "\";\"");
        assert_eq!(tmpfiles("/run/a b%c"), "\"/run/a b%%c\"");
        assert_eq!(tmpfiles("/run/a"), "/run/a");
        assert_eq!(shell("/a b$`\"\\'c"), r#""/a b\$\`\"\\'c""#);
        assert_eq!(tmpfiles("/run/a\"\\"), r#""/run/a\"\\""#);
        assert_eq!(tmpfiles("/run/a "), "\"/run/a \"");
        assert_eq!(tmpfiles_argument("/etc/a 'b'\"%c\\ "), r#"/etc/a 'b'"%%c\\\x20"#);
        assert_eq!(tmpfiles_pattern("/opt/{a}"), r#""/opt/\\{a\\}""#);
        assert!(is_lost_by_tmpfiles("/run/a\tb") && !is_lost_by_tmpfiles("/run/a é"));
        assert_eq!(tmpfiles_pattern("/opt/[a]*"), r#""/opt/\\[a]\\*""#);
    }
}
