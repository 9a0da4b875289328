# Dòng lệnh, sandbox và buổi diễn thử.

## Tiêu đề cột
cli-number = Số
cli-partner = Đối tác
cli-action = Thao tác
cli-actions = Làm được
cli-kind = Loại
cli-dossier-code = Hồ sơ
cli-dossier-aliases = Mã khác
cli-dossier-version = Phiên bản
cli-dossier-known = Lưu ý
cli-dossier-unknown = Chưa nhận được thông tin đầy đủ của hồ sơ này
cli-state = Trạng thái
cli-unit = Đơn vị
cli-why = Vì sao
cli-who = Ai xử lý
cli-next = Việc tiếp theo
cli-when = Lúc
cli-what = Việc
cli-more = Chi tiết
cli-where = Chỗ nào
cli-line = Dòng
cli-verdict = Kết quả
cli-events = Sự kiện
cli-event = Sự kiện
cli-source = Nguồn
cli-expected = Cần
cli-got = Nhận được
cli-closed = Đã đóng
cli-closed-told-again = nguồn đã phát lại và sự kiện đã được nhận
cli-count = Số lượng
cli-amount = Số tiền (đ)
cli-since = Từ
cli-done = Xong
cli-waiting = Đang chờ
cli-stuck = Cần người
cli-dropped = Thôi
cli-oldest = Chờ lâu nhất từ
cli-paused-since = Tạm dừng từ
cli-attempt = Lần
cli-outcome = Kết quả
cli-said = Đối tác nói
cli-created = Lập lúc
cli-ended = Kết thúc lúc
cli-decided-by = Người quyết định
cli-payload = Nội dung
cli-note = Ghi chú
cli-lanes = Số luồng
cli-lane-state = Đầu luồng
cli-events-today = Nhận hôm nay
cli-sent-today = Gửi hôm nay
cli-unit-unknown = Chưa rõ đơn vị

## Câu trả lời
cli-bad-roles = --roles { $id }: có vai trò không tồn tại.
    .remedy = Các vai trò: intake, execute, http, relay, schedule (cách nhau bằng dấu phẩy), hoặc all.
cli-check-note-portal = Đăng nhập được; Cổng liệt kê { $count } thủ tục.
cli-check-note-payment = QUERY trả lời và nhận chữ ký của ta; INIT không thử được mà không gây ảnh hưởng.
cli-check-note-post = Mã truy cập được nhận; luồng hành trình trả lời.
cli-kind-portal = Cổng DVC
cli-kind-payment = Thanh toán
cli-kind-post = Bưu chính
cli-dossier-status = Trạng thái
cli-dossier-procedure = Thủ tục
cli-happened = xảy ra lúc { $when }
cli-attempt-of = lần { $number } của #{ $id }
cli-no-incidents = Không có sự cố nào đang mở.
cli-more-units = … và { $count } đơn vị nữa; dùng --json để xem tất cả.
cli-quarantine-next = Xem lienthong quarantine list để biết từng sự kiện sai chỗ nào, chuyển cho nhà cung cấp sửa và phát lại.
cli-outbox-written = { $count } thông báo kết quả đã ghi, đọc qua GET /v1/events
cli-outbox-relayed = { $count } thông báo kết quả đã ghi · { $waiting } đang chờ chuyển qua RabbitMQ
cli-late = đến muộn
cli-planned = { $count } thao tác
cli-verdict-accepted = Đã nhận
cli-verdict-acceptable = Hợp lệ
cli-verdict-duplicate = Trùng, đã nhận trước đây
cli-verdict-quarantined = Không nhận được, xem lý do bên dưới
cli-more-problems = … và { $count } dòng nữa; dùng --json để xem tất cả.
cli-next-page = Còn nữa: thêm --after { $after }
cli-done-retry = Đã xếp thao tác { $id } vào hàng chờ gửi lại; lý do đã được ghi.
cli-done-edit = Đã lưu bản sửa của thao tác { $id }; bản này sẽ được gửi, bản gốc được giữ.
cli-done-dismiss = Đã bỏ qua thao tác { $id }; lý do đã được ghi.
cli-done-incident = Đã đóng sự cố { $id }; lý do đã được ghi.
cli-done-entry = Đã đóng mục cách ly { $id }; lý do đã được ghi.
cli-dead = { $count } thông điệp RabbitMQ đã bỏ cuộc.
cli-dead-admitted = Đã nhận { $count }, trùng { $known }, cách ly { $quarantine }; còn lại { $waiting }.
cli-migrated = Bảng trong kho dữ liệu đã ở phiên bản mới nhất.
cli-schema-written = Đã ghi { $count } tệp vào { $folder }.
cli-config-good = { $file }: dùng được.
cli-config-embedded = không có tệp cấu hình; dùng mặc định (SQLite trong ./data)
cli-check-ok = ✓ Được
cli-check-good = ✓ Mọi đối tác đều trả lời và nhận tài khoản của ta.
cli-check-bad = ✗ Có đối tác chưa dùng được: xem bên trên.
cli-check-none = Cấu hình chưa có kết nối nào ([[connector]]).
cli-check-unknown = Không có kết nối { $id } trong cấu hình. Đang có:
cli-headline-quiet = không có việc nào chờ người xử lý
cli-headline-matters = { $count } việc cần người xử lý
cli-counts = { $dossiers } hồ sơ · { $quarantine } sự kiện bị cách ly

## Sổ đối chiếu
cli-ledger-messages = Sổ sự kiện: nhận vào = đã ghi nhận + trùng + cách ly
cli-ledger-operations = Sổ thao tác: đã lập = xong + từ chối + thay + bỏ qua + còn mở
cli-ledger-received = Nhận vào
cli-ledger-admitted = Đã ghi nhận
cli-ledger-duplicate = Trùng
cli-ledger-quarantined = Cách ly
cli-ledger-planned = Đã lập
cli-ledger-succeeded = Xong
cli-ledger-refused = Từ chối
cli-ledger-superseded = Thay
cli-ledger-dismissed = Bỏ qua
cli-ledger-open = Còn mở
cli-ledger-difference = Chênh lệch
cli-audit-at = Đếm lại trong kho lúc
cli-audit-never = Kho chưa được đếm lại lần nào: lienthong ledger audit
cli-audit-entry = Mục
cli-audit-booked = Trong sổ
cli-audit-counted = Đếm được
cli-audit-note = Số nhận vào và số trùng không đếm lại được: bản trùng không được lưu thành dòng.

## Luồng và bản sửa
cli-no-lanes = Không có luồng nào bị chặn.
cli-lane-behind = { $count } thao tác đợi phía sau
cli-edited = Sửa lần { $number } bởi { $by }
cli-edit-document = Tệp thiếu “payload” hoặc “expected”.
    .remedy = Lấy tệp bằng: lienthong operation payload SỐ > tệp.json, sửa phần “payload”, giữ nguyên “expected”.
cli-edit-editor = Không mở được trình soạn thảo.
    .remedy = Đặt biến EDITOR (ví dụ EDITOR=nano), hoặc dùng --file.

## Khi không làm được
cli-no-config = Không thấy tệp cấu hình (đã tìm ./lienthong.toml, /etc/lienthong/lienthong.toml).
    .remedy = Chạy lệnh trong thư mục có lienthong.toml, hoặc chỉ tệp bằng --config (biến LIENTHONG_CONFIG). Hỏi một dịch vụ ở máy khác thì dùng --server cùng --token-file.
cli-not-served = ⚠ Dịch vụ không chạy (không trả lời ở { $url }): số liệu đọc thẳng từ kho, chưa có gì được gửi đi. Khởi động: lienthong serve
cli-token-refused = Dịch vụ ở { $url } không nhận mã truy cập theo { $file }.
    .remedy = Dịch vụ đó dùng bí mật khác, hoặc mã đã hết hạn. Chỉ đúng tệp cấu hình của dịch vụ bằng --config, hoặc xin người quản trị dịch vụ đó một mã (lienthong token issue) rồi dùng --token-file.
cli-no-name = Không biết ai đang quyết định: không rõ tài khoản đang dùng.
    .remedy = Đặt biến USER, hoặc dùng mã mang tên mình với --token-file; tên này được ghi vào nhật ký xử lý.
cli-file-empty = Tệp { $file } không có sự kiện nào; chưa gửi gì.
cli-file-no-json = Tệp { $file } không phải JSON hợp lệ (dòng { $line }, cột { $column }); chưa gửi gì.
    .remedy = Mỗi dòng của tệp là một sự kiện JSON, hoặc cả tệp là một mảng JSON [ … ].
cli-no-server = Không có dịch vụ Liên thông nào trả lời ở { $url }.
    .remedy = Kiểm tra địa chỉ sau --server, và dịch vụ có đang chạy không.
cli-no-token = Không có mã truy cập: không đọc được bí mật của dịch vụ.
    .remedy = Nhờ người quản trị cấp: lienthong token issue --subject TÊN --scope read, rồi dùng --token-file.

## Sandbox và buổi diễn thử
cli-progress-events = Nhận sự kiện
cli-progress-deliver = Đưa đến đối tác
cli-progress-pay = Công dân thanh toán
cli-progress-parcels = Bưu điện phát
cli-progress-settle = Hoàn tất
cli-sandbox-loopback = Bản thử chỉ nghe trên chính máy này (127.0.0.1).
    .remedy = Bỏ --listen hoặc dùng 127.0.0.1; muốn mở ra mạng thì chạy dịch vụ thật: lienthong serve.
cli-sandbox-open = Mở bảng điều khiển (liên kết dùng một lần): { $url }
cli-sandbox-folder = Dữ liệu và cấu hình: { $folder }  (lienthong --config { $folder }/lienthong.toml status)
cli-sandbox-partners = Đối tác giả lập: { $urls }
cli-sandbox-played = Đã nhận các hồ sơ mẫu; công dân thanh toán sau 20 giây, bưu gửi đi tiếp mỗi 15 giây. Dừng: Ctrl-C.
cli-demo-restless = Sau { $seconds } giây vẫn còn việc đang chạy; kết quả dưới đây là lúc này.
cli-closing-sent = Đã đưa đến đối tác
cli-closing-told = Đã báo về hệ thống một cửa
cli-closing-waits = Còn chờ, và vì sao
cli-closing-nothing-waits = Không còn việc nào chờ.
cli-closing-violations = Vi phạm quy ước của đối tác: { $count }
cli-closing-good = ✓ Không còn việc chờ, không sự kiện nào bị cách ly, hai sổ khớp, không vi phạm quy ước nào.
cli-closing-bad = ✗ Còn việc chờ, sự kiện bị cách ly, chênh lệch hoặc vi phạm: xem bên trên.

## Sự kiện báo về
cli-out-event-quarantined = Sự kiện bị cách ly
cli-out-event-conflict = Sự kiện mâu thuẫn
cli-out-dossier-snapshot_requested = Xin thông tin đầy đủ của hồ sơ
cli-out-portal-synced = Cổng đã cập nhật hồ sơ
cli-out-portal-refused = Cổng từ chối
cli-out-payment-opened = Đã mở khoản thanh toán
cli-out-payment-succeeded = Công dân đã thanh toán
cli-out-payment-failed = Thanh toán không thành
cli-out-payment-expired = Thanh toán hết hạn
cli-out-payment-needs_refund = Cần hoàn tiền
cli-out-payment-refunded = Đã hoàn tiền
cli-out-post-accepted = Bưu điện đã nhận đơn
cli-out-post-moved = Bưu gửi di chuyển
cli-out-post-delivered = Bưu gửi đã phát
cli-out-post-failed = Phát không thành
cli-out-post-came_back = Bưu gửi chuyển hoàn
cli-out-post-cancelled = Bưu gửi đã huỷ
cli-out-operation-stuck = Thao tác kẹt
cli-out-operation-resumed = Thao tác chạy lại
