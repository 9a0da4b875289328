# Tên gọi của các mã: trạng thái, hành động, sự kiện, kết quả.

state-ready = Chờ gửi
state-running = Đang gửi
state-doubtful = Chưa rõ kết quả
state-awaiting = Chờ đối tác trả kết quả
state-held = Đang giữ, thiếu thông tin
state-stuck = Kẹt, cần người xử lý
state-succeeded = Đã xong
state-refused = Bị từ chối
state-superseded = Đã có bản mới thay
state-dismissed = Đã bỏ qua
state-idle = Không có việc

action-sync_dossier = Đồng bộ hồ sơ lên Cổng
action-append_progress = Gửi tiến độ xử lý
action-open_payment = Mở khoản thanh toán
action-create_parcel = Đặt bưu gửi
action-cancel_parcel = Huỷ bưu gửi
action-unassigned = Việc chưa có kết nối

status-1 = Mới đăng ký
status-2 = Được tiếp nhận
status-3 = Không được tiếp nhận
status-4 = Đang xử lý
status-5 = Yêu cầu bổ sung giấy tờ
status-6 = Yêu cầu thực hiện nghĩa vụ tài chính
status-7 = Công dân yêu cầu rút hồ sơ
status-8 = Dừng xử lý
status-9 = Đã xử lý xong
status-10 = Đã trả kết quả

payment-open = Chờ thanh toán
payment-failed = Không thành công
payment-expired = Hết hạn
payment-cancelled = Đã huỷ
payment-paid_at_desk = Đã nộp tại quầy
payment-paid = Đã thanh toán trực tuyến
payment-needs_refund = Cần hoàn tiền
payment-refunded = Đã hoàn tiền
reference-1 = Chưa mở trên nền tảng
reference-2 = Đang mở, chờ người dân trả
reference-3 = Đã trả
reference-4 = Đã đóng

parcel-requested = Đã yêu cầu
parcel-accepted = Bưu điện đã nhận đơn
parcel-moving = Đang vận chuyển
parcel-delivered = Đã phát
parcel-failed = Phát không thành công
parcel-came_back = Đã chuyển hoàn
parcel-cancelled = Đã huỷ
parcel-refused = Bưu điện từ chối
direction-return = Trả kết quả qua bưu điện
direction-pickup = Thu gom hồ sơ tại nhà

outcome-done = Thành công
outcome-accepted = Đối tác đã nhận
outcome-refused = Bị từ chối
outcome-not_done = Chưa được
outcome-held = Giữ lại, thiếu thông tin
outcome-paused = Tạm dừng kết nối
outcome-unclear = Chưa rõ kết quả
outcome-running = Đang gửi
finding-present = Đối tác đã ghi nhận
finding-absent = Đối tác chưa có
finding-in_progress = Đối tác đang xử lý
finding-refused = Đối tác từ chối
finding-inconclusive = Hỏi chưa rõ

kind-event = Sự kiện
kind-operation = Thao tác
kind-payment = Thanh toán
kind-parcel = Bưu gửi

origin-amqp = RabbitMQ
origin-http = HTTP
origin-file = Tệp

event-dossier-adopted = Tiếp quản hồ sơ từ hệ thống cũ
event-dossier-submitted = Hồ sơ mới đăng ký
event-dossier-received = Tiếp nhận hồ sơ
event-dossier-rejected = Không tiếp nhận hồ sơ
event-dossier-processing = Chuyển bước xử lý
event-dossier-supplement_requested = Yêu cầu bổ sung
event-dossier-supplemented = Đã bổ sung
event-dossier-supplement_expired = Hết hạn bổ sung
event-dossier-fee_requested = Yêu cầu nghĩa vụ tài chính
event-dossier-withdrawn = Công dân rút hồ sơ
event-dossier-stopped = Dừng xử lý
event-dossier-refused = Từ chối giải quyết
event-dossier-paused = Tạm dừng xử lý
event-dossier-resumed = Xử lý tiếp
event-dossier-extended = Gia hạn, xin lỗi
event-dossier-transferred = Chuyển đơn vị
event-dossier-finished = Xử lý xong
event-dossier-returned = Trả kết quả
event-dossier-reopened = Mở lại hồ sơ
event-dossier-corrected = Sửa thông tin hồ sơ
event-dossier-voided = Huỷ hồ sơ lập nhầm
event-result-corrected = Sửa kết quả
event-result-revoked = Thu hồi kết quả
event-fee-requested = Yêu cầu thanh toán
event-fee-cancelled = Huỷ yêu cầu thanh toán
event-fee-paid_at_desk = Nộp tiền tại quầy
event-fee-refund_requested = Đề nghị hoàn tiền
event-fee-refunded = Đã hoàn tiền
event-receipt-cancelled = Huỷ biên lai
event-post-return_requested = Đề nghị trả kết quả qua bưu điện
event-post-pickup_requested = Đề nghị thu gom tại nhà
event-post-cancelled = Huỷ bưu gửi
event-survey-answered = Đánh giá hài lòng
event-question-answered = Trả lời câu hỏi

deed-retried = Đã đưa vào hàng chờ gửi lại. Kết quả hiện trong bảng các lần gửi.
deed-dismissed = Đã bỏ qua thao tác. Lý do được lưu cùng tên người bỏ qua.
deed-reason = Chưa ghi lý do nên chưa làm gì. Xin ghi lý do rồi bấm lại.
deed-reason_missing = Chưa ghi lý do nên chưa làm gì. Xin ghi lý do rồi bấm lại.
deed-running = Thao tác đang nằm ở đối tác nên chưa làm được. Đợi lần gửi này kết thúc rồi thử lại.
deed-no_connector = Chưa có kết nối nào của hệ thống thực hiện được việc này nên chưa gửi được. Có thể bỏ qua, hoặc đợi kết nối đó được cài đặt.
deed-fenced = Kho dữ liệu vừa được phục hồi nên chưa gửi gì cho đến khi có quyết định chung. Mở trang Phục hồi.
restore-reason-older = kho dữ liệu cũ hơn những gì đã thấy
restore-reason-other_store = đây là một kho dữ liệu khác
restore-reason-restored = phục hồi bằng lệnh
restore-reason-by_hand = do người quản trị đánh dấu
deed-ended = Thao tác đã kết thúc nên không còn gì để làm.
deed-not-allowed = Lúc này không làm được việc đó với thao tác. Tải lại trang để xem trạng thái mới.
deed-edited = Đã lưu bản sửa; thao tác sẽ gửi bản này. Bản gốc vẫn được giữ ở mục Đã sửa.
deed-awaiting = Đối tác đã nhận bản này và chưa trả kết quả nên không sửa được nữa. Đợi kết quả.
deed-doubtful = Chưa rõ đối tác đã ghi nhận bản trước hay chưa nên chưa sửa được. Đợi Liên thông hỏi lại xong rồi thử lại.
deed-begun = Đối tác có thể đã nhận bản trước, nên chỉ được gửi lại y nguyên. Muốn đổi nội dung: huỷ rồi lập yêu cầu mới với mã mới.
deed-snapshot = Hồ sơ chưa có thông tin đầy đủ. Nhờ phần mềm một cửa phát toàn bộ hồ sơ; bản đó sẽ thay cho bản đang giữ.
deed-decision = Thao tác đang chờ một quyết định. Xác nhận bằng “Gửi lại” hoặc “Bỏ qua” trước.
deed-nothing_to_edit = Thao tác này không mang dữ liệu nào sửa được.
deed-unchanged = Nội dung chưa có gì thay đổi nên chưa gửi.

owner-unit = Đơn vị xử lý hồ sơ
owner-administrator = Quản trị hệ thống
owner-partner = Đối tác
owner-nobody = Không ai, tự chạy tiếp

exit-name-retry = Gửi lại
exit-name-edit = Sửa rồi gửi lại
exit-name-correction = Sửa từ phần mềm một cửa
exit-name-dismiss = Bỏ qua
exit-name-wait = Chờ
exit-retry = gửi đúng nội dung này một lần nữa, khi nguyên nhân đã được xử lý.
exit-edit = sửa nội dung ngay tại đây, có ghi lý do; bản gốc được giữ.
exit-correction-dossier = phần mềm một cửa sửa hồ sơ và phát { $what } (hoặc sự kiện bất kỳ mang trạng thái mới); bản mới thay bản đang kẹt.
exit-correction-snapshot = phần mềm một cửa phát toàn bộ hồ sơ (snapshot: full), ví dụ { $what }; các thao tác đang giữ tự chạy tiếp.
exit-correction-anew = phần mềm một cửa huỷ yêu cầu này rồi lập yêu cầu mới với mã mới: { $what }.
exit-dismiss = kết thúc mà không gửi, có ghi lý do; các thao tác phía sau đi tiếp.
exit-wait = không cần làm gì, hệ thống tự làm tiếp.
exit-wait-until = không cần làm gì, hệ thống tự làm tiếp lúc { $until }.
exit-wait-paused = kết nối đang tạm dừng; hoạt động lại thì tự gửi đúng thứ tự.

edit-fixed-identity = nhận ra hồ sơ, khoản hoặc bưu gửi; muốn việc khác thì lập yêu cầu mới
edit-fixed-money = số tiền và nơi nhận tiền; huỷ rồi lập khoản mới với mã mới
edit-fixed-course = do sự kiện của phần mềm một cửa quyết định
edit-fixed-length = giữ nguyên số phần tử

phase-closed = Hoạt động
phase-open = Tạm dừng
phase-half_open = Đang thử từng thao tác
phase-ramp = Đang tăng dần
phase-held = Tạm ngừng gửi
drain-unknown = chưa rõ bao lâu mới hết
drain-soon = hết trong chưa đầy một phút
drain-minutes = hết trong khoảng { $n } phút
drain-hours = hết trong khoảng { $n } giờ
drain-days = hết trong khoảng { $n } ngày

## Gửi lại theo kế hoạch
replay-planning = Đang lập
replay-planned = Đã lập, chờ bắt đầu
replay-canary = Đang gửi thử
replay-running = Đang chạy
replay-paused = Tạm dừng
replay-stopped = Đã tự dừng
replay-finished = Đã xong
replay-cancelled = Đã huỷ
stopped-canary_failed = Gửi thử không thành công
stopped-too_many_failed = Quá nhiều thao tác không thành công
treatment-retry = Gửi lại tại chỗ
treatment-resend_state = Gửi trạng thái mới nhất của hồ sơ
treatment-resend_steps = Gửi lại các bước xử lý
treatment-dismiss = Bỏ qua
treatment-wait = Để nguyên: còn thiếu thông tin, gửi lại không thay được
treatment-moving = Để nguyên: đang tự chạy
treatment-unsure = Để nguyên: chưa rõ đối tác đã làm chưa, gửi nữa có thể trùng
treatment-duplicate = Để nguyên: đối tác đã có hoặc có thể đã có, gửi nữa sẽ trùng
treatment-regress = Để nguyên: sẽ đè bản cũ lên bản mới
treatment-covered = Để nguyên: đã có bản mới hơn đi thay
treatment-renew = Để nguyên: phần mềm một cửa phải yêu cầu lại với mã mới
treatment-changed = Để nguyên: đã được gửi hoặc quyết định khác từ khi lập kế hoạch
item-waiting = chờ gửi
item-sent = đang chờ kết quả
item-done = xong
item-failed = không được
item-skipped = không gửi nữa
item-left = để nguyên
order-plan = lập kế hoạch
order-start = bắt đầu
order-pause = tạm dừng
order-resume = chạy tiếp
order-cancel = huỷ

## Hồ sơ tiếp quản từ hệ thống cũ
adopted-found = Cổng đã có, không gửi lại
adopted-sent = Cổng chưa có, đã gửi
adopted-waiting = Đang chờ
adopted-held = Đang giữ, thiếu thông tin
adopted-stuck = Kẹt, cần người xử lý
adopted-ended = Kết thúc mà không gửi

## Danh mục và bảng mã
list-procedures = Thủ tục
list-procedure-details = Nội dung thủ tục
list-services = Dịch vụ công
list-fields = Lĩnh vực
list-agencies = Cơ quan
table-procedure = Thủ tục
table-status = Trạng thái
table-unit = Đơn vị
table-fee = Phí, lệ phí
change-new = Mới
change-changed = Thay đổi
change-withdrawn = Bị bỏ
change-returned = Có lại
broken-unknown = Danh mục không có mã này
broken-withdrawn = Mã đã bị bỏ khỏi danh mục
broken-not_in_force = Mã không còn công khai
origin-configuration = Cấu hình
origin-stored = Đã xác nhận

# Những gì đối tác chủ động gửi về, đã ra sao.
inbound-told = Đã báo cho một cửa
inbound-repeated = Gửi lại, đã báo trước đó
inbound-partly = Nhận được một phần
inbound-conflict = Khác với lần gửi trước, chờ người xem
inbound-unknown = Không biết hồ sơ này
inbound-faulty = Sai nội dung
inbound-unread = Không đọc được
inbound-asked = Tra cứu hồ sơ
inbound-empty = Không có nội dung
inbound-open = Chưa xử lý xong

file-stored = đã có
file-waiting = đang chờ tải
file-failed = không tải được
file-refused = không nhận

told-portal-dossier_submitted = Hồ sơ mới nộp trên Cổng
told-portal-dossier_supplemented = Bổ sung, sửa đổi trên Cổng
told-portal-dossier_withdrawn = Công dân xin rút trên Cổng
told-portal-dossier_paid = Đã nộp tiền trên Cổng
told-tax-notice_received = Thông báo thuế đất
told-tax-voucher_received = Chứng từ nộp thuế đất
