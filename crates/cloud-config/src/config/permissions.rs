//! Parses the mode of a file (docs/cloud-config.md#write_files).

use crate::diagnostic::{Finding, Span, rules};

/// The default mode of a file.
pub const DEFAULT: u32 = 0o644;

/// Modes that are commonly used. A number with another meaning in octal may be one of these in decimal.
const USUAL: [u32; 21] = [
    0o400, 0o440, 0o444, 0o500, 0o550, 0o555, 0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o710, 0o711, 0o750,
    0o751, 0o755, 0o770, 0o775, 0o777,
];

/// Parses `text` as a mode. The result may have a finding about an unusual spelling; an error refuses the file.
pub fn parse(text: &str, span: Option<Span>) -> Result<(u32, Option<Finding>), Finding> {
    let bad = |why: String| {
        Finding::new(&rules::BAD_PERMISSIONS, span, why).help("write an octal mode in quotes, such as \"0644\"")
    };
    let digits = text.strip_prefix("0o").unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(bad("invalid permissions: not an octal number; file skipped".to_owned()));
    }
    let octal = u32::from_str_radix(digits, 8).ok();
    let decimal = digits.parse::<u32>().ok().filter(|_| digits == text && !text.starts_with('0'));
    match octal {
        Some(mode) if mode > 0o7777 => {
            Err(bad(format!("invalid permissions {digits}: greater than 7777; file skipped")))
        }
        Some(mode) => Ok((mode, odd(mode, digits, decimal, span))),
        None => match decimal {
            Some(mode @ 0o400..=0o777) => {
                let message = format!("permissions {digits}: not octal; applied anyway, as decimal: {mode:04o}");
                let finding = Finding::new(&rules::DECIMAL_PERMISSIONS, span, message);
                Ok((mode, Some(finding.help(format!("write \"{mode:04o}\"")))))
            }
            _ => Err(bad("invalid permissions: not an octal number; file skipped".to_owned())),
        },
    }
}

fn odd(mode: u32, digits: &str, decimal: Option<u32>, span: Option<Span>) -> Option<Finding> {
    if let Some(meant) = decimal.filter(|meant| USUAL.contains(meant) && !USUAL.contains(&mode)) {
        let message = format!("permissions {digits}: {meant:04o} if meant as decimal; applied anyway, as octal");
        let help = format!("write \"{meant:04o}\" if that is meant, \"{mode:04o}\" if not");
        return Some(Finding::new(&rules::ODD_PERMISSIONS, span, message).help(help));
    }
    if !(3..=4).contains(&digits.len()) {
        let message = format!("permissions {digits}: not three or four digits; applied anyway, as {mode:04o}");
        return Some(Finding::new(&rules::ODD_PERMISSIONS, span, message).help(format!("write \"{mode:04o}\"")));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// The mode and the finding of a text; `Err` is the finding that refuses it.
    fn read(text: &str) -> Result<(u32, Option<&'static str>), &'static str> {
        parse(text, None).map(|(mode, finding)| (mode, finding.map(|f| f.rule.id))).map_err(|f| f.rule.id)
    }

    #[test]
    fn octal_is_what_counts() {
        for (text, mode) in [("0644", 0o644), ("644", 0o644), ("0o644", 0o644), ("4755", 0o4755), ("1777", 0o1777)] {
            assert_eq!(read(text), Ok((mode, None)), "{text}");
        }
    }

    #[test]
    fn unusual_lengths_are_applied_and_told() {
        for (text, mode) in [("0", 0), ("00644", 0o644), ("44", 0o44), ("0o7", 0o7)] {
            assert_eq!(read(text), Ok((mode, Some("odd-permissions"))), "{text}");
        }
    }

    #[test]
    fn a_mode_in_decimal_is_that_mode() {
        for (text, mode) in [("384", 0o600), ("493", 0o755), ("438", 0o666), ("448", 0o700)] {
            assert_eq!(read(text), Ok((mode, Some("decimal-permissions"))), "{text}");
        }
    }

    #[test]
    fn what_is_more_likely_decimal_is_applied_as_octal_and_told() {
        for text in ["420", "436", "511"] {
            let mode = u32::from_str_radix(text, 8).unwrap();
            assert_eq!(read(text), Ok((mode, Some("odd-permissions"))), "{text}");
        }
        assert_eq!(read("440"), Ok((0o440, None)));
        assert_eq!(read("0420"), Ok((0o420, None)), "a leading zero says octal");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "rw-r--r--", "0x1a4", "-644", "0888", "999", "800", "8", "10000", "99999999999", "644.0", "0o", "0o8"]
        {
            assert_eq!(read(text), Err("bad-permissions"), "{text}");
        }
    }
}
