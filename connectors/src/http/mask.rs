//! Masking of what partners say, before it is stored, logged or shown.

/// Longer texts are cut.
const LONGEST: usize = 300;
const MASK: &str = "***";

/// Cuts to 300 characters and masks runs of 9 and more digits (phones, identity numbers) except in dossier codes,
/// e-mail addresses, and what looks like a session or token. Line ends become blanks.
pub fn masked(text: &str) -> String {
    masked_of(text, &[])
}

/// The same, with these personal values masked wherever they occur (names cannot be told by their form). Values of
/// fewer than three characters are not looked for.
pub fn masked_of(text: &str, personal: &[&str]) -> String {
    let mut text: String =
        text.chars().take(8 * LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut personal: Vec<&str> =
        personal.iter().map(|p| p.trim()).filter(|p| p.chars().count() > 2).collect();
    personal.sort_by_key(|p| std::cmp::Reverse(p.len()));
    for value in personal {
        text = text.replace(value, MASK);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim();
    while let Some(start) = rest.find(is_word) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        mask_word(&rest[..end], &mut out);
        rest = &rest[end..];
    }
    out.push_str(rest);
    cut(out)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-@".contains(c)
}

fn mask_word(word: &str, out: &mut String) {
    if word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')) {
        out.push_str(MASK);
        return;
    }
    for (index, part) in word.split('.').enumerate() {
        if index > 0 {
            out.push('.');
        }
        if is_session_like(part) { out.push_str(MASK) } else { mask_digits(part, out) }
    }
}

/// UUIDs, hexadecimal and base64url texts. Field names (no digit), our references (25 capitals and digits) and dossier
/// codes (no small letters) are not.
fn is_session_like(part: &str) -> bool {
    let has = |check: fn(&u8) -> bool| part.bytes().any(|b| check(&b));
    let (digit, small, great) =
        (has(u8::is_ascii_digit), has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase));
    digit && ((small && part.len() >= 20) || (great && part.len() >= 32))
}

fn mask_digits(part: &str, out: &mut String) {
    let mut rest = part;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let is_number_of_code = end <= 10 && ends_with_day(&part[..part.len() - rest.len()]);
        if end >= 9 && !is_number_of_code {
            out.push_str(MASK);
        } else {
            out.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
}

/// `…-yyMMdd-`, as before the number of a dossier code.
fn ends_with_day(text: &str) -> bool {
    let mut groups = text.rsplit('-');
    groups.next() == Some("")
        && groups.next().is_some_and(|day| day.len() == 6 && day.bytes().all(|b| b.is_ascii_digit()))
        && groups.next().is_some_and(|unit| !unit.is_empty())
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some(_) => text.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}
