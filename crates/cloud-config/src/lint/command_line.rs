//! Parses the command lines of units as systemd does.

/// The reason why systemd rejects a unit because of one of its command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommandLineFault {
    /// The command is neither a name nor an absolute path.
    Relative,
    /// The command is a variable followed by a path.
    Variable,
    /// The command contains a backslash, a quote or a control character.
    Characters,
    /// The command ends with a slash.
    Directory,
    /// There is no command after the prefixes.
    Empty,
    /// A quote is not closed.
    Quote,
    /// A `%` precedes a letter or digit that is not a specifier.
    Specifier,
}

/// Returns the number of commands in `line`, without commands whose faults systemd ignores because of the prefix `-`.
pub(super) fn commands(line: &str) -> Result<usize, CommandLineFault> {
    // A template expression is reported elsewhere.
    if ["{{", "{%", "<%", "%{"].iter().any(|mark| line.contains(mark)) {
        return Ok(1);
    }
    let mut rest = line;
    let mut count = 0;
    loop {
        // If the command itself has an unclosed quote, systemd ignores the line.
        let Ok(Some(word)) = word(&mut rest) else { return Ok(count) };
        let prefixes = prefixes(&word);
        let path = &word[prefixes.len()..];
        let is_ignored = prefixes.contains('-');
        let arguments = match arguments(&mut rest) {
            Ok(found) => found,
            Err(_) if is_ignored => return Ok(count),
            Err(fault) => return Err(fault),
        };
        let is_nameless = prefixes.contains('@') && arguments.count == 0;
        let fault = if is_nameless { Some(CommandLineFault::Empty) } else { path_fault(path) };
        match fault.or(arguments.has_odd_specifier.then_some(CommandLineFault::Specifier)) {
            Some(_) if is_ignored => return Ok(count),
            Some(fault) => return Err(fault),
            None => count += 1,
        }
        if !arguments.has_next {
            return Ok(count);
        }
    }
}

/// Returns the prefixes of a command: each at most once, and only one of `+`, `!` and `!!`.
fn prefixes(word: &str) -> &str {
    let mut end = 0;
    for (at, c) in word.char_indices() {
        let before = &word[..at];
        let fits = match c {
            '-' | '@' | ':' | '|' => !before.contains(c),
            '+' => !before.contains(['+', '!']),
            '!' => !before.contains('+') && before.matches('!').count() < 2,
            _ => false,
        };
        if !fits {
            break;
        }
        end = at + 1;
    }
    &word[..end]
}

/// The specifiers of all versions of systemd.unit(5).
const SPECIFIERS: &str = "%aAbBcCdDEfgGhHiIjJlLmMnNopPqrRsStTuUvVwWyY";

/// Returns true if a `%` in `text` precedes a letter or digit that is not a specifier.
pub(super) fn has_odd_specifier(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('%') {
        let mut chars = behind.chars();
        match chars.next() {
            Some(c) if c.is_ascii_alphanumeric() && !SPECIFIERS.contains(c) => return true,
            _ => rest = chars.as_str(),
        }
    }
    false
}

fn path_fault(path: &str) -> Option<CommandLineFault> {
    if path.is_empty() {
        Some(CommandLineFault::Empty)
    } else if has_odd_specifier(path) {
        Some(CommandLineFault::Specifier)
    } else if path.chars().any(|c| c.is_ascii_control() || matches!(c, '"' | '\'' | '\\')) {
        Some(CommandLineFault::Characters)
    } else if path.ends_with('/') {
        Some(CommandLineFault::Directory)
    } else if path.starts_with(['/', '%']) {
        None
    } else if path.contains('/') {
        Some(if path.starts_with('$') { CommandLineFault::Variable } else { CommandLineFault::Relative })
    } else {
        matches!(path, "." | "..").then_some(CommandLineFault::Relative)
    }
}

struct Arguments {
    count: usize,
    has_odd_specifier: bool,
    /// True if another command follows after `;`.
    has_next: bool,
}

/// Parses the arguments of a command.
fn arguments(rest: &mut &str) -> Result<Arguments, CommandLineFault> {
    let mut count = 0;
    let mut odd = false;
    loop {
        *rest = rest.trim_start();
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(is_blank);
        if let Some(next) = rest.strip_prefix(';').filter(|next| ends(next)) {
            *rest = next.trim_start();
            return Ok(Arguments { count, has_odd_specifier: odd, has_next: !rest.is_empty() });
        }
        let Some(word) = word(rest)? else {
            return Ok(Arguments { count, has_odd_specifier: odd, has_next: false });
        };
        odd |= has_odd_specifier(&word);
        count += 1;
    }
}

/// Parses a word, and removes its quotes and escapes.
fn word(rest: &mut &str) -> Result<Option<String>, CommandLineFault> {
    *rest = rest.trim_start();
    if rest.is_empty() {
        return Ok(None);
    }
    let mut word = String::new();
    let mut quote = None;
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            ('\\', _) => match chars.next().map(|(_, c)| c) {
                Some('x') => {
                    let digits = chars.as_str().get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                    if let Some(byte) = digits.filter(|byte| *byte != 0) {
                        chars.nth(1);
                        word.push(char::from(byte));
                    } else {
                        word.push_str("\\x");
                    }
                }
                Some('s') => word.push(' '),
                Some(c @ ('"' | '\'' | '\\')) => word.push(c),
                Some(other) => word.extend(['\\', other]),
                None => word.push('\\'),
            },
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (c, None) if is_blank(c) => {
                *rest = &rest[at..];
                return Ok(Some(word));
            }
            (c, _) => word.push(c),
        }
    }
    *rest = "";
    if quote.is_some() { Err(CommandLineFault::Quote) } else { Ok(Some(word)) }
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_counted_as_systemd_counts_them() {
        for (line, wanted) in [
            ("/bin/true", Ok(1)),
            ("true", Ok(1)),
            ("\"/bin/x y\" a", Ok(1)),
            ("/bin/x\\x20y a", Ok(1)),
            ("-/bin/true", Ok(1)),
            ("!-!@/bin/true true", Ok(1)),
            ("+-/bin/true", Ok(1)),
            ("--/bin/true", Ok(0)),
            ("+!/bin/true", Err(CommandLineFault::Relative)),
            ("/bin/date +%Y-%m-%d", Ok(1)),
            ("/bin/echo %% 5% 100%", Ok(1)),
            ("-/bin/date +%F", Ok(0)),
            ("/bin/date +%F", Err(CommandLineFault::Specifier)),
            ("/bin/sh -c 'printf \"%0x\"'", Err(CommandLineFault::Specifier)),
            ("/bin/echo %%F %%%e", Err(CommandLineFault::Specifier)),
            ("/bin/%k", Err(CommandLineFault::Specifier)),
            ("@/bin/true true", Ok(1)),
            ("$FOO", Ok(1)),
            ("%h/foo", Ok(1)),
            ("{{ bin }}/foo", Ok(1)),
            ("/bin/echo \\d \"a\\qb\" \\x4 \\x", Ok(1)),
            ("/bin/echo 'a\\'b' it\\'s", Ok(1)),
            ("/bin/true ; /bin/false", Ok(2)),
            ("/bin/true ;", Ok(1)),
            ("/bin/true \\; /bin/false", Ok(1)),
            ("/bin/true a;b", Ok(1)),
            ("/bin/true & /bin/false", Ok(1)),
            ("-bin/true", Ok(0)),
            ("-", Ok(0)),
            ("-/bin/echo 'a", Ok(0)),
            ("\"/bin/x", Ok(0)),
            ("bin/true", Err(CommandLineFault::Relative)),
            ("./true", Err(CommandLineFault::Relative)),
            ("..", Err(CommandLineFault::Relative)),
            ("/bin/true ; bin/false", Err(CommandLineFault::Relative)),
            ("${FOO}/bin/x", Err(CommandLineFault::Variable)),
            ("/bin/", Err(CommandLineFault::Directory)),
            ("/bin/ec\\qho a", Err(CommandLineFault::Characters)),
            ("@", Err(CommandLineFault::Empty)),
            ("@/bin/true", Err(CommandLineFault::Empty)),
            ("/bin/echo it's", Err(CommandLineFault::Quote)),
            ("/bin/echo \"a", Err(CommandLineFault::Quote)),
        ] {
            assert_eq!(commands(line), wanted, "{line}");
        }
    }
}
