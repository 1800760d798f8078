# post
curl -X POST \
http://url/ \
-H ': ' \
-H 'cache-control: no-cache' \
-F Content-Type=image/jpeg \
-F key=A_VALUE_FOR_LATER \
-F policy=A_LONG_STRING \
-F success_action_status=201 \
-F x-amz-algorithm=AWS4-HMAC-SHA256 \
-F x-amz-credential=A_VALUE \
-F x-amz-date=ANOTHER_VALUE \
-F x-amz-signature=ANOTHER_LONG_STRING \
-F file=@YOUR_FILE_PATH \
-F bucket=A_NAME
