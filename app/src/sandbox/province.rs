//! The sample province, H99 (fictitious), as a configuration file: what `tests/tools/traffic.py` writes of, and the simulators'
//! credentials. It is written into the data folder, so that other commands can be pointed at a running sandbox.

use std::{fmt::Write, net::SocketAddr, path::Path};

use lienthong_mocks::{Suite, credentials as known};

/// Unit codes and names, as in `tests/tools/traffic.py`.
pub(super) const UNITS: [(&str, &str); 14] = [
    ("000.00.01.H99", "Sở Xây dựng"),
    ("000.00.02.H99", "Sở Tư pháp"),
    ("000.00.03.H99", "UBND phường Mẫu Đông"),
    ("000.00.04.H99", "UBND phường Mẫu Tây"),
    ("000.00.05.H99", "UBND xã Mẫu An"),
    ("000.00.06.H99", "UBND xã Mẫu Bình"),
    ("000.00.07.H99", "UBND xã Mẫu Chánh"),
    ("000.00.08.H99", "UBND xã Mẫu Định"),
    ("000.00.09.H99", "UBND xã Mẫu Hòa"),
    ("000.00.10.H99", "UBND xã Mẫu Lợi"),
    ("000.00.11.H99", "UBND xã Mẫu Mỹ"),
    ("000.00.12.H99", "UBND xã Mẫu Phú"),
    ("000.00.13.H99", "UBND xã Mẫu Tân"),
    ("000.00.14.H99", "UBND xã Mẫu Thạnh"),
];
/// Wards that the sample's parcels go to.
const WARDS: std::ops::RangeInclusive<u32> = 99_010..=99_021;
/// The payment connector, whose name is part of its callback address.
pub(super) const PAYMENTS: &str = "dvcqg-payment";

/// The quarter that the sample plays in.
pub(super) const PERIOD: &str = "2026-Q1";
/// Code, name, has a fee, ends in a paper, for citizens: the procedures of the sample as their catalogue has them.
const PROCEDURES: [(&str, &str, bool, bool, bool); 9] = [
    ("1.000894", "Đăng ký kết hôn", false, true, true),
    ("1.001193", "Đăng ký khai sinh", false, true, true),
    ("1.001612", "Đăng ký thành lập hộ kinh doanh", true, true, false),
    ("1.001731", "Hỗ trợ chi phí mai táng", false, false, true),
    ("1.004199", "Cấp đổi giấy chứng nhận quyền sử dụng đất", true, true, true),
    ("1.004227", "Đăng ký biến động quyền sử dụng đất", true, true, true),
    ("1.009994", "Cấp giấy phép xây dựng nhà ở riêng lẻ", true, true, true),
    ("2.000488", "Cấp phiếu lý lịch tư pháp", true, true, true),
    ("2.000635", "Cấp bản sao trích lục hộ tịch", true, true, true),
];

/// The catalogue of procedures as text.
pub(super) fn catalogue() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for (code, name, has_fee, has_result, is_for_citizens) in PROCEDURES {
        writeln!(
            text,
            "[[procedure]]\ncode = \"{code}\"\nname = \"{name}\"\nhas_fee = {has_fee}\nhas_result = {has_result}\n\
             is_for_citizens = {is_for_citizens}\nis_described = true\nservices = [{{ code = \"{code}.1\" }}]\n"
        )?;
    }
    Ok(text)
}

/// The configuration as text.
pub(super) fn configuration(
    folder: &Path,
    listen: SocketAddr,
    suite: &Suite,
) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let quoted = |value: &str| toml::Value::String(value.to_owned()).to_string();
    writeln!(
        text,
        "# Do `lienthong sandbox` viết ra · written by `lienthong sandbox`\n\
         [installation]\nname = \"h99\"\nlabel = \"Tỉnh Mẫu (thử nghiệm)\"\ndata_dir = {}\n\n\
         [http]\nlisten = \"{listen}\"\n\n\
         [engine]\npoll_ms = 200\nsweep_seconds = 5\ntracking_seconds = 1\ntest_seconds = 2\n\
         test_longest_seconds = 10\nramp_step_seconds = 5\nstop_seconds = 5\n\n\
         [index]\nrefresh_seconds = 5\ncatalogue_file = {}\n",
        quoted(&folder.display().to_string()),
        quoted(&folder.join("catalogue.toml").display().to_string()),
    )?;
    for (code, name) in UNITS {
        let short = code.get(7..9).unwrap_or_default();
        writeln!(text, "[[source]]\npattern = \"/motcua/{code}\"\nunits = [\"{code}\"]")?;
        writeln!(text, "[[unit]]\ncode = \"{code}\"\nname = {}", quoted(name))?;
        writeln!(
            text,
            "[[beneficiary]]\nname = \"KB-{code}\"\naccount = \"35110990000{short}\"\nbank_bin = \"970436\"\n\
             bank_code = \"VCB\"\nholder = {}\n",
            quoted(&format!("Kho bạc Nhà nước - {name}")),
        )?;
    }
    writeln!(
        text,
        "[[connector]]\nid = \"dvcqg\"\nlabel = \"Cổng DVC quốc gia\"\n[connector.dvcqg]\nadapter_url = \"{}\"\n\
         username = \"{}\"\npassword = \"{}\"\nmadonvi = \"{}\"\ndstcode = \"{}\"\nsettling_seconds = 1\n\
         lookup_fields = {{ status = \"TRANGTHAIHOSO\", code = \"MAHOSO\" }}\n\
         [connector.dvcqg.inbound]\nallowed_peers = [\"127.0.0.1\"]\n",
        suite.portal.url(),
        known::PORTAL_USERNAME,
        known::PORTAL_PASSWORD,
        known::PORTAL_UNIT,
        known::PORTAL_DSTCODE,
    )?;
    let payments = suite.payments.url();
    writeln!(
        text,
        "[[connector]]\nid = \"{PAYMENTS}\"\nlabel = \"Thanh toán DVC quốc gia\"\n[connector.dvcqg_payment]\n\
         init_url = \"{payments}/init\"\nquery_url = \"{payments}/query\"\npartner_code = \"{}\"\nsecret = \"{}\"\n\
         settling_seconds = 1\n",
        known::PAYMENT_PARTNER,
        known::PAYMENT_SECRET,
    )?;
    post(&mut text, &suite.post.url())?;
    Ok(text)
}

fn post(text: &mut String, url: &str) -> std::fmt::Result {
    writeln!(
        text,
        "[[connector]]\nid = \"vnpost\"\nlabel = \"Bưu điện\"\n[connector.vnpost]\ntoken_url = \"{url}/token\"\n\
         order_url = \"{url}/order/post\"\ncancel_url = \"{url}/order/cancel\"\ntracking_url = \"{url}/order/tracking\"\n\
         customer_key = \"{}\"\nsecret_key = \"{}\"\ncustomer_code = \"{}\"\nsettling_seconds = 1\n\
         status_meanings = {{ 1 = \"accepted\", 2 = \"moving\", 4 = \"delivered\" }}\nprovinces = {{ 99 = 99 }}\n\
         [connector.vnpost.sender]\nname = \"Trung tâm Phục vụ hành chính công tỉnh Mẫu\"\nphone = \"0270000000\"\n\
         address = \"Số 1, đường Mẫu, phường Mẫu Đông\"\nprovince = 99\ndistrict = 9901\n[connector.vnpost.wards]",
        known::POST_CUSTOMER_KEY,
        known::POST_SECRET_KEY,
        known::POST_CUSTOMER_CODE,
    )?;
    for ward in WARDS {
        let district = 9901 + (ward - WARDS.start()) / 4;
        writeln!(text, "{ward} = {{ province = 99, district = {district} }}")?;
    }
    Ok(())
}
