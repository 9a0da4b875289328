//! Text without Vietnamese accents, for the signed description: letters, digits and a little punctuation.

/// Base letter, then every letter that it stands for.
const LETTERS: [&str; 14] = [
    "aàáảãạăằắẳẵặâầấẩẫậ",
    "eèéẻẽẹêềếểễệ",
    "iìíỉĩị",
    "oòóỏõọôồốổỗộơờớởỡợ",
    "uùúủũụưừứửữự",
    "yỳýỷỹỵ",
    "dđ",
    "AÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬ",
    "EÈÉẺẼẸÊỀẾỂỄỆ",
    "IÌÍỈĨỊ",
    "OÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢ",
    "UÙÚỦŨỤƯỪỨỬỮỰ",
    "YỲÝỶỸỴ",
    "DĐ",
];

/// Strips accents (composed or combining, đ and Đ too), makes one space of everything that is no letter, digit or
/// one of `.,-_/():`, and cuts to `longest` characters. `|` never survives: it delimits the signed text.
pub(super) fn plain(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_combining(*c)) {
        let base = base(c);
        if base.is_ascii_alphanumeric() || ".,-_/():".contains(base) {
            out.push(base);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(longest); // ASCII only by now
    out.truncate(out.trim_end().len());
    out
}

fn is_combining(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

fn base(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    LETTERS.iter().find(|row| row.contains(c)).and_then(|row| row.chars().next()).unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn vietnamese_loses_its_accents_and_nothing_else() {
        assert_eq!(plain("Lệ phí đăng ký khai sinh, Đắk Lắk", 200), "Le phi dang ky khai sinh, Dak Lak");
        assert_eq!(plain("ƯỚC LƯỢNG ỡ ỹ ẵ ậ ề", 200), "UOC LUONG o y a a e");
        let decomposed = "e\u{302}\u{301} o\u{31b}\u{300} Tie\u{302}\u{309}n";
        assert_eq!(plain(decomposed, 200), "e o Tien");
    }

    #[test]
    fn delimiters_controls_and_foreign_letters_become_one_space() {
        assert_eq!(plain("  a|b\n\t<c>  “d” 中 ", 200), "a b c d");
    }

    #[test]
    fn it_is_cut_and_trimmed() {
        assert_eq!(plain("Phí hồ sơ", 4), "Phi");
        assert_eq!(plain("", 4), "");
    }
}
