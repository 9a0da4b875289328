//! The command line. Every command but the long-running ones is one call of the JSON API: of the running server, or of
//! the same router inside this process when no server answers.

mod adopted;
mod api;
mod backup;
mod catalogue;
mod check;
mod config;
mod dead;
mod dossier;
mod edit;
mod event;
mod failure;
mod inbound;
mod incident;
mod index;
mod lane;
mod ledger;
mod mapping;
mod operation;
mod output;
mod partner;
mod quarantine;
mod reconcile;
mod replay;
mod restore;
mod retention;
mod sandbox;
mod schema;
mod serve;
mod sheet;
mod status;
#[cfg(test)]
mod tests;
mod token;
mod when;
mod words;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

pub(crate) use api::{inside, is_served};
pub use failure::Failure;
pub(crate) use index::brief as show_index;
pub use output::Screen;
pub(crate) use sandbox::SANDBOX;
pub(crate) use status::ledgers as show_ledgers;

use crate::{config::Config, i18n::Locale, logging, tokens};

/// Liên thông: đưa hồ sơ một cửa đến Cổng DVC quốc gia, thanh toán, bưu chính, và mang kết quả về.
/// Keeps the national portal, payments and the post in step with the one-stop system.
#[derive(Debug, Parser)]
#[command(name = "lienthong", version, propagate_version = true, verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Tệp cấu hình (mặc định: ./lienthong.toml, rồi /etc/lienthong/lienthong.toml)
    /// The configuration file
    #[arg(long, short, global = true, env = "LIENTHONG_CONFIG", value_name = "FILE", verbatim_doc_comment)]
    pub config: Option<PathBuf>,
    /// Địa chỉ máy chủ đang chạy, ví dụ http://127.0.0.1:8080 (mặc định: theo cấu hình)
    /// The running server's address
    #[arg(long, global = true, env = "LIENTHONG_SERVER", value_name = "URL", verbatim_doc_comment)]
    pub server: Option<String>,
    /// Tệp chứa mã truy cập (mặc định: tự cấp, nếu đọc được bí mật)
    /// A file with an access token
    #[arg(long, global = true, env = "LIENTHONG_TOKEN_FILE", value_name = "FILE", verbatim_doc_comment)]
    pub token_file: Option<PathBuf>,
    /// Kết quả dạng JSON
    /// Answer in JSON
    #[arg(long, global = true, verbatim_doc_comment)]
    pub json: bool,
    /// Ngôn ngữ: vi hoặc en
    /// The language: vi or en
    #[arg(long, global = true, env = "LIENTHONG_LANG", default_value = "vi", value_parser = locale,
          verbatim_doc_comment)]
    pub lang: Locale,
    /// Nhật ký: plain (đọc bằng mắt) hoặc json
    /// The format of the log
    #[arg(
        long,
        global = true,
        env = "LIENTHONG_LOG_FORMAT",
        value_enum,
        default_value_t,
        verbatim_doc_comment
    )]
    pub log_format: logging::Format,
    /// Mức nhật ký: error, warn, info, debug, trace
    /// The level of the log
    #[arg(long, global = true, env = "LIENTHONG_LOG_LEVEL", value_name = "LEVEL", verbatim_doc_comment)]
    pub log_level: Option<String>,
}

fn locale(code: &str) -> Result<Locale, String> {
    Locale::from_code(code).ok_or_else(|| "vi | en".to_owned())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Chạy dịch vụ cho đến khi được dừng
    /// Run the service until stopped
    #[command(verbatim_doc_comment)]
    Serve(serve::Serve),
    /// Gửi hoặc kiểm tra sự kiện trong một tệp JSON lines
    /// Publish or validate the events of a JSON-lines file
    #[command(subcommand, verbatim_doc_comment)]
    Event(event::Event),
    /// Dòng thời gian của một hồ sơ: sự kiện, thao tác, thanh toán, bưu gửi
    /// A dossier's timeline
    #[command(verbatim_doc_comment)]
    Dossier(dossier::Dossier),
    /// Xem, gửi lại, bỏ qua thao tác với đối tác
    /// List, show, retry, dismiss operations
    #[command(subcommand, verbatim_doc_comment)]
    Operation(operation::Operation),
    /// Xem các luồng bị chặn: bao lâu, vì sao, ai xử lý, lối ra
    /// Lanes that do not move: age, cause, owner, exits
    #[command(subcommand, verbatim_doc_comment)]
    Lane(lane::Lane),
    /// Hai sổ đối chiếu; đếm lại kho và so với sổ
    /// The two ledgers, and their audit by a recount
    #[command(subcommand, verbatim_doc_comment)]
    Ledger(ledger::Ledger),
    /// Gửi lại (hoặc bỏ qua) hàng loạt thao tác theo kế hoạch: lập, xem, chạy, tạm dừng, huỷ
    /// Send (or dismiss) operations again in bulk, by plan
    #[command(subcommand, verbatim_doc_comment)]
    Replay(replay::Replay),
    /// Danh mục của Cổng DVC: xem, lấy lại, thay đổi nào làm hỏng bảng mã
    /// The portal's catalogue: show, pull, what drifts
    #[command(subcommand, verbatim_doc_comment)]
    Catalogue(catalogue::Catalogue),
    /// Mã của ta ứng với mã nào của Cổng: xem, gợi ý, xác nhận, thu hồi
    /// What our codes mean at the portal: list, suggest, confirm, withdraw
    #[command(subcommand, verbatim_doc_comment)]
    Mapping(mapping::Mapping),
    /// Đối soát với đối tác: xem các lượt, chạy ngay một lượt
    /// Compare what partners have with what we have: the runs, or one now
    #[command(verbatim_doc_comment)]
    Reconcile(reconcile::Reconcile),
    /// Chênh lệch giữa ta và đối tác: xem, hỏi lại, gửi lại, đóng
    /// Differences between us and partners: list, show, ask, resend, close
    #[command(subcommand, verbatim_doc_comment)]
    Discrepancy(reconcile::Discrepancy),
    /// Xem, đóng các sự cố đang chờ người xử lý
    /// List and close what is open for a person
    #[command(subcommand, verbatim_doc_comment)]
    Incident(incident::Incident),
    /// Xem, tạm ngừng, cho gửi lại, hỏi thử từng đối tác
    /// How the partners stand; hold, release, try one
    #[command(subcommand, verbatim_doc_comment)]
    Partner(partner::Partner),
    /// Xem, đóng các sự kiện bị cách ly
    /// Events that could not be admitted, and why
    #[command(subcommand, verbatim_doc_comment)]
    Quarantine(quarantine::Quarantine),
    /// Những gì Cổng chủ động gửi về: hồ sơ, chứng từ, tệp, và đã xử lý ra sao
    /// What partners sent by themselves, and what became of it
    #[command(verbatim_doc_comment)]
    Inbound(inbound::Inbound),
    /// Đếm, nhận lại những thông điệp RabbitMQ đã bỏ cuộc
    /// What RabbitMQ has given up: count it, admit it
    #[command(subcommand, verbatim_doc_comment)]
    Dead(dead::Dead),
    /// Sao lưu kho dữ liệu, kể cả khi dịch vụ đang chạy, và kiểm tra bản sao
    /// Copy the store, of a running service too, and verify the copy
    #[command(verbatim_doc_comment)]
    Backup(backup::Backup),
    /// Phục hồi kho dữ liệu từ bản sao lưu; xem và quyết định những gì chờ sau phục hồi
    /// Restore the store from a backup; look at what waits after it, and decide
    #[command(verbatim_doc_comment)]
    Restore(restore::Restore),
    /// Thời hạn giữ dữ liệu: loại nào giữ bao lâu, cái gì đến hạn, cái gì đã xoá
    /// For how long each kind of data is kept, what is due, what has gone
    #[command(verbatim_doc_comment)]
    Retention,
    /// Chỉ số phục vụ (Quyết định 766) tính trước Cổng: điểm, hồ sơ mất điểm và việc đúng sự thật để lấy lại
    /// The national index (Decision 766), computed before the portal does
    #[command(verbatim_doc_comment)]
    Index(index::Index),
    /// Bản sáng: mới nhận, sắp đến hạn, quá hạn, chờ bổ sung, nghẽn, mất điểm, của từng đơn vị
    /// The morning sheet: new, due soon, late, waiting, blocked, points lost, by unit
    #[command(verbatim_doc_comment)]
    Sheet(sheet::Sheet),
    /// Toàn cảnh hôm nay: đối tác, việc chờ người xử lý, hai sổ đối chiếu
    /// The province today
    #[command(verbatim_doc_comment)]
    Status,
    /// Tạo hoặc nâng cấp bảng trong kho dữ liệu
    /// Create or upgrade the store's tables
    #[command(verbatim_doc_comment)]
    Migrate,
    /// Cấp mã truy cập
    /// Issue access tokens
    #[command(subcommand, verbatim_doc_comment)]
    Token(token::Token),
    /// Kiểm tra tệp cấu hình
    /// Check the configuration
    #[command(subcommand, verbatim_doc_comment)]
    Config(config::ConfigCommand),
    /// Hỏi thử từng đối tác: tới được không, tài khoản còn đúng không; không gây ảnh hưởng gì
    /// Ask every partner whether it can be reached and takes our credentials; without effect
    #[command(verbatim_doc_comment)]
    Check(check::Check),
    /// Chạy thử với đối tác giả lập, không cần cài gì, cho đến khi được dừng
    /// Serve with simulated partners inside, until stopped
    #[command(verbatim_doc_comment)]
    Sandbox(sandbox::Sandbox),
    /// Diễn vài tuần hồ sơ của một tỉnh mẫu với đối tác giả lập rồi tự kết thúc
    /// Play some weeks of a sample province, then end
    #[command(verbatim_doc_comment)]
    Demo(sandbox::Demo),
    /// Ghi các tệp JSON Schema của sự kiện
    /// Write the events' JSON Schema files
    #[command(verbatim_doc_comment)]
    Schema(schema::Schema),
    /// Đo tốc độ: hệ thống bên cạnh một đường ống tối giản, trên máy chủ riêng tạm thời
    /// Measure: the engine beside a bare pipeline, on private servers
    #[command(verbatim_doc_comment)]
    Bench(lienthong_bench::Bench),
}

impl Command {
    /// Long-running commands tell what they do; the others speak through their answer.
    fn usual_log_level(&self) -> &'static str {
        if matches!(self, Self::Serve(_)) { "info" } else { "warn" }
    }
}

/// Runs a command to its end.
pub fn run(arguments: Arguments) -> ExitCode {
    let Arguments { global, command } = arguments;
    let level = global.log_level.as_deref().unwrap_or(command.usual_log_level());
    logging::install(global.log_format, level);
    let screen = Screen::new(global.lang, global.json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(dispatch(&global, &screen, command));
            // Nothing of ours blocks on purpose; a stuck DNS look-up must not hold the exit.
            runtime.shutdown_timeout(std::time::Duration::from_secs(2));
            result
        }
        Err(error) => Err(Failure::new(error.to_string(), "")),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            screen.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(global: &Global, screen: &Screen, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(serve) => serve.run(global).await,
        Command::Event(event) => event.run(global, screen).await,
        Command::Dossier(dossier) => dossier.run(global, screen).await,
        Command::Operation(operation) => operation.run(global, screen).await,
        Command::Lane(lane) => lane.run(global, screen).await,
        Command::Ledger(ledger) => ledger.run(global, screen).await,
        Command::Replay(replay) => replay.run(global, screen).await,
        Command::Catalogue(catalogue) => catalogue.run(global, screen).await,
        Command::Mapping(mapping) => mapping.run(global, screen).await,
        Command::Reconcile(reconcile) => reconcile.run(global, screen).await,
        Command::Discrepancy(discrepancy) => discrepancy.run(global, screen).await,
        Command::Incident(incident) => incident.run(global, screen).await,
        Command::Partner(partner) => partner.run(global, screen).await,
        Command::Quarantine(quarantine) => quarantine.run(global, screen).await,
        Command::Inbound(inbound) => inbound.run(global, screen).await,
        Command::Dead(dead) => dead.run(global, screen).await,
        Command::Backup(backup) => backup.run(global, screen).await,
        Command::Restore(restore) => restore.run(global, screen).await,
        Command::Retention => retention::run(global, screen).await,
        Command::Index(index) => index.run(global, screen).await,
        Command::Sheet(sheet) => sheet.run(global, screen).await,
        Command::Status => status::run(global, screen).await,
        Command::Migrate => serve::migrate(global, screen).await,
        Command::Token(token) => token.run(global, screen),
        Command::Config(command) => command.run(global, screen),
        Command::Check(check) => check.run(global, screen).await,
        Command::Sandbox(sandbox) => sandbox.run(screen).await,
        Command::Demo(demo) => demo.run(screen).await,
        Command::Schema(schema) => schema.run(screen),
        Command::Bench(bench) => {
            bench.run(global.json).await.map_err(|failed| Failure::new(failed.to_string(), ""))
        }
    }
}

/// Where the configuration is, if anywhere.
pub(crate) fn config_path(global: &Global) -> Option<PathBuf> {
    let usual = ["lienthong.toml", "/etc/lienthong/lienthong.toml"];
    global.config.clone().or_else(|| usual.iter().map(PathBuf::from).find(|p| p.is_file()))
}

/// The configuration of this call. Without a file and without variables there is one only where a service has run on
/// the embedded default: a command must not invent an empty province and call it well.
pub(crate) fn load(global: &Global) -> Result<Config, Failure> {
    let config = load_or_embedded(global)?;
    if config_path(global).is_some() || Config::is_in_environment() || tokens::has_made_one(&config) {
        return Ok(config);
    }
    let screen = Screen::new(global.lang, global.json);
    Err(Failure::new(screen.say("no-config"), screen.say("no-config.remedy")))
}

/// The same, but the embedded default where nothing is configured: for what starts a service.
pub(crate) fn load_or_embedded(global: &Global) -> Result<Config, Failure> {
    let loaded = match config_path(global) {
        Some(path) => Config::load(&path),
        None => Config::embedded(),
    };
    loaded.map_err(Failure::from)
}
