//! The pattern of the names that this program gives to temporary files: `.NAME.cci-` and 16 hexadecimal digits.

/// The part of a temporary name between the name of the target and the digits.
pub const INFIX: &str = ".cci-";

/// The number of random hexadecimal digits at the end of a temporary name.
pub const DIGITS: usize = 16;

/// Returns the name of the target, or its hash, if `name` is a temporary name.
pub fn target_of(name: &[u8]) -> Option<&[u8]> {
    let (rest, digits) = name.split_at_checked(name.len().checked_sub(DIGITS)?)?;
    let target = rest.strip_suffix(INFIX.as_bytes())?.strip_prefix(b".")?;
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    (!target.is_empty() && digits.iter().all(is_digit)).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_name_has_a_target_and_sixteen_digits() {
        for (name, target) in [
            (".b.cci-0123456789abcdef", Some("b")),
            ("..cci-.cci-0123456789abcdef", Some(".cci-")),
            (".b.cci", None),
            ("b.cci-0123456789abcdef", None),
            (".b.cci-0123456789abcde", None),
            (".b.cci-0123456789ABCDEF", None),
            (".b.cci-0123456789abcdef0", None),
            (".cci-0123456789abcdef", None),
            ("", None),
        ] {
            assert_eq!(target_of(name.as_bytes()), target.map(str::as_bytes), "{name}");
        }
    }
}
