# upload
curl -X POST https://api.tagd-ai.com/v1/tags/abc123/files \
-H "Authorization: Bearer YOUR_API_KEY" \
-F "file=@document.pdf" \
-F "name=User Manual" \
-F "description=Product user manual v2.1"
# from-url
curl -X POST https://api.tagd-ai.com/v1/tags/abc123/files/from-url \
-H "Authorization: Bearer YOUR_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"url": "https://example.com/document.pdf",
"name": "External Document"
}'
# list
curl https://api.tagd-ai.com/v1/tags/abc123/files \
-H "Authorization: Bearer YOUR_API_KEY"
# get
curl https://api.tagd-ai.com/v1/files/file_xyz789 \
-H "Authorization: Bearer YOUR_API_KEY"
# download
curl https://api.tagd-ai.com/v1/files/file_xyz789/download \
-H "Authorization: Bearer YOUR_API_KEY" \
-o downloaded_file.pdf
# update
curl -X PATCH https://api.tagd-ai.com/v1/files/file_xyz789 \
-H "Authorization: Bearer YOUR_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"name": "Updated Manual Name",
"description": "Updated description"
}'
