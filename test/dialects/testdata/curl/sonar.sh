# upload (the page has lost the line with the address)
curl --request POST \
--header "Authorization: Bearer $BEARER_TOKEN" \
--form 'files[]=@myFile.pdf' \
https://instance.sonar.software/api/files
# download (the page has lost all of the address but its end)
curl -o 'Wireless Landlord form.pdf' \
--header "Authorization: Bearer $BEARER_TOKEN" https://instance.sonar.software/api/files/$FILE_ID
